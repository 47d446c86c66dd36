"""Exported models: a self-contained folder to hand on, with the weights that the solver uses.

model.safetensors   the weights: the best where they were kept, else the averaged ones
config.json         format, configuration, metrics, where it comes from, digests
measured.json       where asked for: what these weights achieve on a test split
README.md           a model card: what it is, how good, how to use it with and without trm
step.pt2            where asked for: one supervision step as a program that torch alone can run
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from trm.checkpoints.checkpoint import EXPORT_META, Meta, Snapshot, read_meta, require_free, staged, write_file
from trm.config.run import RunConfig
from trm.interface.measured import MEASURED, Measured
from trm.interop.card import Facts, card
from trm.interop.program import PROGRAM, program
from trm.json_text import to_json
from trm.network.model import TinyRecursiveModel
from trm.solving.solver import load_trained_model

Dtype = Literal["float32", "bfloat16"]
Examine = Callable[[TinyRecursiveModel, RunConfig], Measured]
README = "README.md"


@dataclass(frozen=True)
class Exported:
    """Summary of an export."""

    path: str
    bytes: int
    digest: str  # sha256 of config.json, which vouches for the other files


def export(
    checkpoint: Path,
    out: Path,
    *,
    dtype: Dtype = "float32",
    with_program: bool = False,
    licence: str = "unknown",
    cost: str = "unknown",
    examine: Examine | None = None,
) -> Exported:
    """Export a checkpoint, or an exported model once more, to the new folder `out`, whole or not at all.

    `examine` measures the exported weights, for the card; `cost` says in words what the training took.

    Raises CheckpointError when the checkpoint is damaged or not ours, ConfigError when `out` is taken or the model has no
    program, StorageFull.
    """
    require_free(out)
    meta = read_meta(checkpoint)
    model = load_trained_model(checkpoint, meta)
    with staged(out) as staging:
        digest = write_files(
            staging, model, meta, dtype=dtype, with_program=with_program, licence=licence, cost=cost, examine=examine
        )
        size = sum(file.stat().st_size for file in staging.iterdir())
    return Exported(str(out), size, digest)


def write_files(
    folder: Path,
    model: TinyRecursiveModel,
    meta: Meta,
    *,
    dtype: Dtype,
    with_program: bool,
    licence: str,
    cost: str = "unknown",
    examine: Examine | None = None,
) -> str:
    """The files of an exported model, into an existing folder; the digest of config.json, which is written last."""
    weights = {name: tensor.to(getattr(torch, dtype)) for name, tensor in model.state_dict().items()}
    model.load_state_dict(weights)  # so that the program computes with the weights beside it
    files = {"model.safetensors": write_file(folder / "model.safetensors", weights)}
    if with_program:
        files[PROGRAM] = write_file(folder / PROGRAM, program(model, meta.config))
    facts = Facts(meta, model.parameter_count(), model.tokens, dtype, licence, cost)
    # last: the solver casts the weights it is given
    measured = None if examine is None else examine(model, meta.config)
    if measured is not None:
        files[MEASURED] = write_file(folder / MEASURED, (measured.model_dump_json(indent=1) + "\n").encode())
    text = card(facts, measured, with_program=with_program)
    files[README] = write_file(folder / README, text.encode())
    document = Snapshot({}, meta.step, meta.config, meta.metrics, {}).vouch_for(files, exported=True) | {
        "licence": licence,
        "cost": cost,
        "parameters": facts.parameters,
        "source_digest": meta.digest,  # of the meta.json that vouched for the weights
    }
    digest: str = write_file(folder / EXPORT_META, to_json(document, indent=1).encode())["sha256"]
    return digest
