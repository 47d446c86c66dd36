"""Checkpoints: a folder of safetensors and a meta.json that vouches for them, written whole or not at all.

step_00000250/
  model.safetensors   weights and fixed states
  ema.safetensors     averaged weights (those of model.safetensors again where no average is kept)
  best.safetensors    the weights that did best on the validation split, where the configuration keeps them
  state.safetensors   optimizer, carry, random state, metrics window: what resuming needs beside the weights
  meta.json           format, step, configuration, digests, metrics; written last
"""

import errno
import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from pydantic import ValidationError
from torch import Tensor

from trm.config import RunConfig
from trm.errors import CheckpointNotFound, CorruptCheckpoint, ForeignCheckpoint, StorageFull
from trm.events import CheckpointSaved

FORMAT = "trm-checkpoint/1"
META = "meta.json"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Meta:
    """The contents of meta.json."""

    step: int
    config: RunConfig
    files: dict[str, dict[str, Any]]  # file name -> {"bytes", "sha256"}
    metrics: dict[str, float | None]
    progress: dict[str, int]  # what the trainer needs beside tensors: epoch, position
    digest: str  # sha256 of meta.json itself


def write(
    folder: Path,
    parts: dict[str, dict[str, Tensor]],
    *,
    step: int,
    config: RunConfig,
    metrics: dict[str, float | None],
    progress: dict[str, int],
) -> CheckpointSaved:
    """Write `parts` (file stem -> tensors) and meta.json beside `folder`, make them durable, then rename into place.

    Raises StorageFull when the disk has no room; nothing is left behind then.
    """
    begun = time.monotonic()
    staging = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        staging.mkdir(parents=True)
        files = {}
        for stem, tensors in parts.items():
            files[f"{stem}.safetensors"] = _write_file(staging / f"{stem}.safetensors", _serialise(tensors))
        meta = {
            "format": FORMAT,
            "trm_version": version("trm-service"),
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "step": step,
            "metrics": metrics,
            "progress": progress,
            "files": files,
            "config": config.model_dump(mode="json"),
        }
        written = _write_file(staging / META, json.dumps(meta, indent=1).encode())
        _move_into_place(staging, folder)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull(f"No room left to write the checkpoint {folder}. Free some space and resume.") from error
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    size = written["bytes"] + sum(f["bytes"] for f in files.values())
    return CheckpointSaved(step, str(folder), size, written["sha256"], round(time.monotonic() - begun, 3), metrics)


def _serialise(tensors: dict[str, Tensor]) -> bytes:
    # cloned, since tensors that share memory are refused
    return safetensors.torch.save({name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()})


def _write_file(path: Path, data: bytes) -> dict[str, Any]:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _move_into_place(staging: Path, folder: Path) -> None:
    _fsync_folder(staging)
    if folder.exists():  # the same step written again by a repeated attempt
        old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
        folder.rename(old)
        staging.rename(folder)
        shutil.rmtree(old)
    else:
        staging.rename(folder)
    _fsync_folder(folder.parent)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_meta(folder: Path) -> Meta:
    """meta.json, checked; raises CheckpointNotFound, CorruptCheckpoint or ForeignCheckpoint."""
    try:
        data = (folder / META).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointNotFound(f"{folder} is not a checkpoint: it holds no {META}.") from None
    try:
        document = json.loads(data)
    except ValueError as error:
        raise CorruptCheckpoint(f"{folder / META} is damaged: {error}.") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ForeignCheckpoint(f"{folder} was not written as {FORMAT}.")
    try:
        return Meta(
            step=document["step"],
            config=RunConfig.model_validate(document["config"]),
            files=document["files"],
            metrics=document["metrics"],
            progress=document["progress"],
            digest=hashlib.sha256(data).hexdigest(),
        )
    except (KeyError, ValidationError) as error:
        raise ForeignCheckpoint(f"{folder / META} does not describe a model this version can build: {error}") from error


def read_tensors(folder: Path, meta: Meta, stem: str) -> dict[str, Tensor]:
    """One file's tensors, after comparing it with its recorded digest; raises CorruptCheckpoint."""
    name = f"{stem}.safetensors"
    recorded = meta.files.get(name)
    if recorded is None:
        raise ForeignCheckpoint(f"{folder} lists no {name}.")
    try:
        data = (folder / name).read_bytes()
    except OSError as error:
        raise CorruptCheckpoint(f"{folder / name} cannot be read: {error.strerror}.") from error
    if hashlib.sha256(data).hexdigest() != recorded["sha256"]:
        raise CorruptCheckpoint(
            f"{folder / name} differs from what was written: {len(data)} bytes, {recorded['bytes']} recorded, digests differ."
        )
    try:
        return safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise CorruptCheckpoint(f"{folder / name} is not a safetensors file: {error}") from error


def read_weights(folder: Path, meta: Meta) -> dict[str, Tensor]:
    """What to solve with: the best weights where they were kept, else the averaged ones."""
    weights = read_tensors(folder, meta, "model")
    for stem in ("ema", "best"):
        if f"{stem}.safetensors" in meta.files:
            weights |= read_tensors(folder, meta, stem)
    return weights


def verify(folder: Path) -> Meta:
    """Check every file of a checkpoint against its digest."""
    meta = read_meta(folder)
    for name in meta.files:
        read_tensors(folder, meta, name.removesuffix(".safetensors"))
    return meta


def step_folder(out: Path, step: int) -> Path:
    """Where the checkpoint of a step goes."""
    return out / f"step_{step:08d}"


def newest(out: Path) -> Path:
    """The newest intact checkpoint below `out`, damaged ones passed over; raises CheckpointNotFound."""
    for folder in sorted(out.glob("step_*"), reverse=True):
        try:
            verify(folder)
        except (CorruptCheckpoint, ForeignCheckpoint, CheckpointNotFound):
            continue
        return folder
    raise CheckpointNotFound(f"There is no intact checkpoint in {out}.")
