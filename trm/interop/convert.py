"""An official checkpoint turned into one of ours, once weights, configuration, data set and preset agree."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from trm.checkpoints import checkpoint
from trm.config.model import ModelConfig
from trm.config.presets import get_preset, published_ids
from trm.config.run import RunConfig
from trm.config.train import TrainConfig
from trm.errors import ForeignCheckpoint
from trm.interface.events import CheckpointSaved
from trm.interop.files import read_config, read_tensors
from trm.interop.names import CEILING, PUZZLE_TABLE, config_from_official, weights_from_official
from trm.network.model import TinyRecursiveModel
from trm.puzzles.datasets.datasets import spec_of
from trm.puzzles.spec import PuzzleSpec

NO_CONFIGURATION = (
    "The weights do not tell how often the model recurs, and with other counts the results are silently wrong. Give --config "
    "with the all_config.yaml that lies beside the official checkpoint, or a YAML or JSON file of its `arch` section that states "
    "name, H_cycles (recursions), L_cycles (latent steps), halt_max_steps (supervision steps) and the sizes."
)
STEP = re.compile(r"step_(\d+)")  # official files are called after the optimizer update
# Official key of training -> ours.
TRAINING = {
    "lr": "learning_rate",
    "weight_decay": "weight_decay",
    "beta1": "beta1",
    "beta2": "beta2",
    "puzzle_emb_lr": "puzzle_learning_rate",
    "puzzle_emb_weight_decay": "puzzle_weight_decay",
    "lr_min_ratio": "min_learning_rate_ratio",
    "lr_warmup_steps": "warmup_steps",
    "global_batch_size": "batch_size",
    "halt_exploration_prob": "halt_exploration",
    "seed": "seed",
}


def convert(source: Path, config: Path | None, data: str, out: Path, preset: str | None = None) -> CheckpointSaved:
    """Write the official checkpoint `source` as one of ours; `data` is the data set that it was trained on.

    Raises ForeignCheckpoint when weights, configuration, data set and preset do not agree; nothing is written then.
    """
    if config is None:
        raise ForeignCheckpoint(NO_CONFIGURATION)
    checkpoint.require_free(out)
    stated, tensors, spec = read_config(config), read_tensors(source), spec_of(data)
    if PUZZLE_TABLE in tensors:
        stated.setdefault("num_puzzle_identifiers", len(tensors[PUZZLE_TABLE]))
    model = config_from_official(stated)
    if preset is not None:
        require_preset(model, preset)
    require_sizes(stated, spec, data)
    weights = weights_from_official(tensors, model)
    require_shapes(weights, model, spec, data)
    require_identifiers(model, data, spec)
    step = int(found[1]) if (found := STEP.search(source.name)) else 0
    run = RunConfig(
        preset=preset or "official", dataset=data, puzzle=spec, model=model, train=training(stated, preset, step)
    )
    wide = {name: tensor.float() for name, tensor in weights.items()}  # the initial states come in bfloat16
    return checkpoint.Snapshot({"model": wide}, step, run, metrics={}, progress={}).write(out)


def require_preset(model: ModelConfig, preset: str) -> None:
    """Raise ForeignCheckpoint listing every setting in which the model differs from the preset's."""
    ours, theirs = model.model_dump(), get_preset(preset).model.model_dump()
    del ours["puzzle_ids"]  # compared with the data set's
    differences = [
        f"{name.replace('_', ' ')} {value}, the preset has {theirs[name]}"
        for name, value in ours.items()
        if value != theirs[name]
    ]
    if differences:
        raise ForeignCheckpoint(
            f"This is not the model of the preset {preset}: {'; '.join(differences)}. Name another preset, or none."
        )


def require_sizes(stated: Mapping[str, Any], spec: PuzzleSpec, data: str) -> None:
    """Raise ForeignCheckpoint when the configuration states other sizes than the data set has; it rarely states any."""
    for key, word, size in (("seq_len", "cells", spec.cells), ("vocab_size", "tokens", spec.vocab_size)):
        if stated.get(key, size) != size:
            raise ForeignCheckpoint(
                f"The configuration states {key} {stated[key]}, {data} has {size} {word}. Give its data set."
            )


def require_shapes(weights: Mapping[str, Tensor], model: ModelConfig, spec: PuzzleSpec, data: str) -> None:
    """Raise ForeignCheckpoint for the first tensor that does not fit the configuration and the data set."""
    with torch.device("meta"):  # shapes without memory: a puzzle table may take gigabytes
        expected = TinyRecursiveModel(model, spec).state_dict()
    for name, tensor in expected.items():  # in the model's order: the token table tells most, and comes first
        if weights[name].shape != tensor.shape:
            raise ForeignCheckpoint(_describe_contradiction(name, weights[name], tensor, model, spec, data))


def _describe_contradiction(
    name: str, given: Tensor, expected: Tensor, model: ModelConfig, spec: PuzzleSpec, data: str
) -> str:
    if name in ("embedding", "answer_head.weight") and given.shape[1:] == expected.shape[1:]:
        return (
            f"The weights know {len(given)} tokens, {data} has {len(expected)}. Give the data set they were trained on."
        )
    if name.endswith("mixer.mlp.gate_up.weight") and given.shape[1] != expected.shape[1]:
        return (
            f"Token mixing runs over {given.shape[1]} tokens; {model.prefix_tokens} of the prefix and the {spec.cells} cells "
            f"of {data} make {expected.shape[1]}. Give its data set, or the right puzzle_emb_len."
        )
    if name == "puzzle_embedding" and given.shape[1:] == expected.shape[1:]:
        return f"The identifier table has {len(given)} rows, the configuration states {len(expected)}."
    return f"{name} has the shape {tuple(given.shape)}; the configuration asks for {tuple(expected.shape)}."


def require_identifiers(model: ModelConfig, data: str, spec: PuzzleSpec) -> None:
    """Raise ForeignCheckpoint when the identifier table has other rows than the data set has identifiers."""
    if model.prefix_tokens == 0 or model.puzzle_ids == (known := identifiers_of(data, spec)):
        return
    raise ForeignCheckpoint(
        f"The identifier table has {model.puzzle_ids} rows, {data} has {known} identifiers. Identifiers come from the build of the "
        "data set: with another build the rows belong to other puzzles, and the results are silently wrong. Give the data set "
        "that the checkpoint was trained on."
    )


def identifiers_of(data: str, spec: PuzzleSpec) -> int:
    """Puzzle identifiers of a data set, the blank one included."""
    if spec.kind != "arc":
        return 1
    if known := published_ids(data, 0):
        return known
    from trm.data.splits import arc_sets_of

    return arc_sets_of(data, TrainConfig().arc_variants).identifiers


def training(stated: Mapping[str, Any], preset: str | None, step: int) -> TrainConfig:
    """What the configuration tells of the training, for the record; the preset's settings, or ours, where it tells nothing."""
    base = get_preset(preset).train if preset else TrainConfig()
    changes = {ours: stated[key] for key, ours in TRAINING.items() if stated.get(key) is not None}
    changes["precision"] = "bfloat16" if stated.get("forward_dtype", "bfloat16") == "bfloat16" else "float32"
    changes["loss"] = "softmax" if str(stated.get("loss_type", "")).startswith("softmax") else "stablemax"
    if "ema" in stated:
        changes["ema_decay"] = stated.get("ema_rate", 0.999) if stated["ema"] else None
    if step:
        changes["steps"] = step
    if stated.get("arch") in CEILING or stated.get("no_ACT_continue") is False:
        changes["halt_rule"] = "halt_over_continue"
    try:
        return TrainConfig(**base.model_dump() | changes)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))} {e['msg']}" for e in error.errors())
        raise ForeignCheckpoint(f"The configuration's settings of training are not possible: {wrong}.") from error
