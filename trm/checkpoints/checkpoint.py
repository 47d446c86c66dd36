"""Checkpoints: a folder of safetensors and a meta.json that lists their digests, written completely or not at all.

step_00000250/
  model.safetensors   weights and fixed states
  ema.safetensors     averaged weights (those of model.safetensors again where no average is kept)
  best.safetensors    the weights that did best on the validation split, where the configuration keeps them
  validation.safetensors  weights that were being looked at when the training was stopped
  state.safetensors   optimizer, carry, random state, metrics window: what resuming needs beside the weights
  meta.json           format, step, configuration, digests, metrics; written last
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from trm import durable
from trm.checkpoints import tensor_file
from trm.config.run import RunConfig
from trm.errors import CheckpointNotFound, ConfigError, CorruptCheckpoint, ForeignCheckpoint, SeveralRuns, StorageFull
from trm.file_signatures import HEAD, describe
from trm.interface.events import CheckpointSaved
from trm.json_text import from_json, to_json
from trm.network.model import BIG_TABLE
from trm.version import trm_version

FORMAT = "trm-checkpoint/1"
META = "meta.json"
EXPORT_FORMAT = "trm-export/1"
EXPORT_META = "config.json"  # of an exported model: weights only, see trm.interop.export


@dataclass(frozen=True)
class Meta:
    """The contents of meta.json."""

    step: int
    config: RunConfig
    files: dict[str, dict[str, Any]]  # file name -> {"bytes", "sha256"}
    metrics: dict[str, float | None]
    progress: dict[str, int]  # what the trainer needs beside tensors: epoch, position
    digest: str  # sha256 of meta.json itself


@dataclass(frozen=True)
class Snapshot:
    """A moment of a training, in memory of its own: it can be written while the training continues."""

    parts: dict[str, dict[str, Tensor]]  # file stem -> tensors, on the host
    step: int
    config: RunConfig
    metrics: dict[str, float | None]
    progress: dict[str, int]

    def write(self, folder: Path) -> CheckpointSaved:
        """Write files and meta.json beside `folder`, make them durable, then rename into place.

        Raises StorageFull when the disk has no room; nothing is left behind then.
        """
        begun = time.monotonic()
        with staged(folder) as staging:
            files = {}
            for stem, tensors in self.parts.items():
                files[f"{stem}.safetensors"] = write_file(staging / f"{stem}.safetensors", tensors)
            meta = self.vouch_for(files)
            written = write_file(staging / META, to_json(meta, indent=1).encode())
        size = written["bytes"] + sum(f["bytes"] for f in files.values())
        seconds = round(time.monotonic() - begun, 3)
        return CheckpointSaved(self.step, str(folder), size, written["sha256"], seconds, self.metrics)

    def vouch_for(self, files: dict[str, Any], *, exported: bool = False) -> dict[str, Any]:
        """The document beside the files of a checkpoint, or of an exported model."""
        return {
            "format": EXPORT_FORMAT if exported else FORMAT,
            "trm_version": trm_version(),
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "step": self.step,
            "metrics": self.metrics,
            "progress": self.progress,
            "files": files,
            "config": self.config.model_dump(mode="json"),
        }


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A folder to write into, which takes the place of `folder` at the end; nothing is left when something fails.

    Raises StorageFull when the disk has no room.
    """
    staging = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        staging.mkdir(parents=True)
        yield staging
        _move_into_place(staging, folder)
    except OSError as error:
        if error.errno in durable.NO_ROOM:
            raise StorageFull(f"No room left to write the checkpoint {folder}. Free some space and resume.") from error
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def require_free(folder: Path) -> None:
    """Raise ConfigError when something is in the place of a folder that a person asked for: it would be replaced."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ConfigError(f"{folder} exists already. Remove it, or choose another folder.")


def write_file(path: Path, content: bytes | dict[str, Tensor]) -> dict[str, Any]:
    """Write bytes, or tensors as a safetensors file, and make them durable; size and digest as they go into the meta file."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        tensor_file.write(path, content)
    durable.sync(path)
    return {"bytes": path.stat().st_size, "sha256": durable.digest(path)}


def _move_into_place(staging: Path, folder: Path) -> None:
    durable.sync(staging)
    if folder.exists():  # the same step written again by a repeated attempt
        old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
        folder.rename(old)
        staging.rename(folder)
        shutil.rmtree(old)
    else:
        staging.rename(folder)
    durable.sync(folder.parent)


def read_meta(folder: Path) -> Meta:
    """meta.json, or the config.json of an exported model, checked.

    Raises CheckpointNotFound, CorruptCheckpoint or ForeignCheckpoint.
    """
    exported = not (folder / META).exists() and (folder / EXPORT_META).exists()
    name, tag = (EXPORT_META, EXPORT_FORMAT) if exported else (META, FORMAT)
    if not (folder / name).is_file():
        raise CheckpointNotFound(f"{folder} is not a checkpoint: it holds no {META}.")
    document = read_document(folder / name, tag)
    try:
        parts = {part: document[part] for part in ("step", "files", "metrics", "progress")}
        config = RunConfig.model_validate(document["config"])
    except (KeyError, ValidationError) as error:
        raise ForeignCheckpoint(f"{folder / name} does not describe a model this version can build: {error}") from error
    return Meta(config=config, digest=durable.digest(folder / name), **parts)


def read_document(path: Path, tag: str) -> dict[str, Any]:
    """A JSON document of this format; raises CorruptCheckpoint or ForeignCheckpoint."""
    data = path.read_bytes()
    try:
        document = from_json(data)
    except ValueError as error:
        what = describe(data[:HEAD])
        raise CorruptCheckpoint(f"{path} is {what}." if what else f"{path} is damaged: {error}.") from error
    if not isinstance(document, dict) or document.get("format") != tag:
        raise ForeignCheckpoint(f"{path.parent} was not written as {tag}.")
    return document


def read_tensors(folder: Path, meta: Meta, stem: str) -> dict[str, Tensor]:
    """One file's tensors, after comparing it with its recorded digest; raises CorruptCheckpoint.

    They are read from the file as they are used (a memory map), so that rows that are not read cost nothing.
    """
    name = f"{stem}.safetensors"
    verify_file(folder, meta, name)
    return tensor_file.read(folder / name)


def verify_file(folder: Path, meta: Meta, name: str) -> None:
    """Compare a file with its recorded digest; raises CorruptCheckpoint, or ForeignCheckpoint when it is not listed."""
    recorded = meta.files.get(name)
    if recorded is None:
        raise ForeignCheckpoint(f"{folder} lists no {name}: a converted or exported model can solve, but not train on.")
    try:
        digest, size = durable.digest(folder / name), (folder / name).stat().st_size
    except OSError as error:
        raise CorruptCheckpoint(f"{folder / name} cannot be read: {error.strerror}.") from error
    if digest != recorded["sha256"]:
        raise CorruptCheckpoint(
            f"{folder / name} differs from what was written: {size} bytes, {recorded['bytes']} recorded, digests differ."
        )


def read_weights(folder: Path, meta: Meta) -> dict[str, Tensor]:
    """What to solve with: the best weights where they were kept, else the averaged ones."""
    weights = read_tensors(folder, meta, "model")
    for stem in ("ema", "best"):
        if f"{stem}.safetensors" in meta.files:
            weights |= read_tensors(folder, meta, stem)
    # the file may go while the model stays: only a table too big to copy is left in it
    return {n: t if t.numel() > BIG_TABLE else t.to(torch.float32, copy=True) for n, t in weights.items()}


def verify(folder: Path) -> Meta:
    """Check every file of a checkpoint against its digest."""
    meta = read_meta(folder)
    for name in meta.files:
        verify_file(folder, meta, name)
    return meta


def step_folder(out: Path, step: int) -> Path:
    """Path of the checkpoint of a step."""
    return out / f"step_{step:08d}"


def require_room_for_run(out: Path, config: RunConfig | None) -> None:
    """Raises SeveralRuns when `out` holds checkpoints of other trainings than the one that is resumed: for a new one, any."""
    others = [folder.name for folder, its in _runs(out).items() if its != config]
    if others:
        raise SeveralRuns(
            f"{out} holds checkpoints of another training ({_list_names(others)}). Continue with that one by --resume {out}, or choose "
            "another folder with --out."
        )


def _require_one_run(out: Path) -> None:
    runs = _runs(out)
    last = next(reversed(runs.values()), None)
    others = [folder.name for folder, its in runs.items() if its != last]
    if others:
        raise SeveralRuns(
            f"{out} holds checkpoints of several trainings: {_list_names(others)} belong to another one than {next(reversed(runs)).name}. "
            "Name the one to continue from with --resume, and another folder with --out."
        )


def _runs(out: Path) -> dict[Path, RunConfig]:
    """The configurations of the checkpoints below a folder, by step; what cannot be read is left out."""
    found = {}
    for folder in sorted(out.glob("step_*")):
        with suppress(CheckpointNotFound, CorruptCheckpoint, ForeignCheckpoint):
            found[folder] = read_meta(folder).config
    return found


def _list_names(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")


def newest(out: Path) -> Path:
    """The newest intact checkpoint below `out`, damaged ones passed over; raises CheckpointNotFound."""
    for folder in sorted(out.glob("step_*"), reverse=True):
        try:
            verify(folder)
        except (CorruptCheckpoint, ForeignCheckpoint, CheckpointNotFound):
            continue
        return folder
    raise CheckpointNotFound(f"There is no intact checkpoint in {out}.")


def choose(folder: Path) -> Path:
    """The checkpoint itself, or the newest intact one below a folder of them; raises CheckpointNotFound, or SeveralRuns."""
    if (folder / META).exists():
        return folder
    _require_one_run(folder)
    return newest(folder)
