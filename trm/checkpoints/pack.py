"""Packs: a checkpoint in numbered pieces of limited size, for places that hand back small files only.

    piece_000.part ...   the checkpoint's files one after the other, cut at the same size
    pack.json            format, the files and pieces with their sizes and digests; written last

A light pack leaves out what a training can do without: the carry (all slots begin with new puzzles), the best weights (looked for
again), and half the bits of averages and moments. Going on from it is a good training, but not the same one bit for bit.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trm import durable
from trm.checkpoints.checkpoint import (
    META,
    Meta,
    Snapshot,
    read_document,
    read_meta,
    read_tensors,
    require_free,
    staged,
    step_folder,
    write_file,
)
from trm.checkpoints.checkpoint import verify as verify_checkpoint
from trm.errors import CheckpointNotFound, CorruptCheckpoint
from trm.interface.tensor_header import require_sound
from trm.json_text import to_json

FORMAT = "trm-pack/1"
MANIFEST = "pack.json"
MEGABYTE = 1_000_000
READ = 4 * MEGABYTE  # at once
BEST = ("best_exact_accuracy", "best_cell_accuracy")


@dataclass(frozen=True)
class Packed:
    """Summary of a pack."""

    path: str
    step: int
    pieces: int
    bytes: int


def pack(checkpoint: Path, out: Path, *, piece_bytes: int = 15 * MEGABYTE, light: bool = False) -> Packed:
    """Cut a checkpoint, every file of which is checked first, into pieces in the new folder `out`.

    Raises CheckpointError when it is damaged, ConfigError when `out` is taken, StorageFull.
    """
    require_free(out)
    meta = verify_checkpoint(checkpoint)
    with staged(out) as staging:
        source = _lighten(checkpoint, meta, staging / "light") if light else checkpoint
        files = [source / name for name in (*sorted(read_meta(source).files), META)]
        pieces = [
            {"name": f"piece_{i:03}.part"} | write_file(staging / f"piece_{i:03}.part", data)
            for i, data in enumerate(_cut(files, piece_bytes))
        ]
        listed = [{"name": file.name, "bytes": file.stat().st_size} for file in files]
        document = {"format": FORMAT, "step": meta.step, "light": light, "files": listed, "pieces": pieces}
        shutil.rmtree(staging / "light", ignore_errors=True)
        write_file(staging / MANIFEST, to_json(document, indent=1).encode())
    return Packed(str(out), meta.step, len(pieces), sum(int(piece["bytes"]) for piece in pieces))


def unpack(folder: Path, out: Path) -> Path:
    """Put the pieces together to a checkpoint `step_...` below `out`, whole or not at all; its folder.

    Raises CheckpointNotFound, CorruptCheckpoint naming the piece, ForeignCheckpoint, ConfigError when the checkpoint is there
    already, StorageFull.
    """
    if not (folder / MANIFEST).is_file():
        raise CheckpointNotFound(f"{folder} is not a pack: it holds no {MANIFEST}.")
    manifest = read_document(folder / MANIFEST, FORMAT)
    target = step_folder(out, manifest["step"])
    require_free(target)
    for piece in manifest["pieces"]:
        _require_intact(folder / piece["name"], piece)
    with staged(target) as staging:
        stream = _stream([folder / piece["name"] for piece in manifest["pieces"]])
        rest = b""
        for file in manifest["files"]:
            rest = _take(stream, rest, staging / Path(file["name"]).name, file["bytes"])
        verify_checkpoint(staging)
        for path in staging.glob("*.safetensors"):
            require_sound(path)
    return target


def _lighten(checkpoint: Path, meta: Meta, folder: Path) -> Path:
    """The checkpoint without carries and best weights, averages and moments in bfloat16."""
    model, averaged, state = (read_tensors(checkpoint, meta, stem) for stem in ("model", "ema", "state"))
    kept = {name: tensor for name, tensor in state.items() if not name.startswith(("carry/", "also/"))}
    moments = {name: _to_bfloat16(t) if name.startswith("optimizer/") else t for name, t in kept.items()}
    parts = {"model": model, "ema": {name: _to_bfloat16(t) for name, t in averaged.items()}, "state": moments}
    Snapshot(parts, meta.step, meta.config, meta.metrics | dict.fromkeys(BEST), meta.progress).write(folder)
    return folder


def _to_bfloat16(tensor: Tensor) -> Tensor:
    return tensor.to(torch.bfloat16) if tensor.dim() and tensor.is_floating_point() else tensor


def _cut(files: list[Path], size: int) -> Iterator[bytes]:
    """The bytes of all files one after the other, in pieces of this size and a last smaller one."""
    piece = bytearray()
    for data in _stream(files):
        piece += data
        while len(piece) >= size:
            yield bytes(piece[:size])
            del piece[:size]
    if piece:
        yield bytes(piece)


def _stream(files: list[Path]) -> Iterator[bytes]:
    for path in files:
        with path.open("rb") as file:
            while data := file.read(READ):
                yield data


def _take(stream: Iterator[bytes], rest: bytes, path: Path, size: int) -> bytes:
    """Write the next `size` bytes of what is left and of the stream to a file; what is left then."""
    data = bytearray(rest)
    while len(data) < size and (more := next(stream, b"")):
        data += more
    write_file(path, bytes(data[:size]))
    return bytes(data[size:])


def _require_intact(path: Path, recorded: dict[str, Any]) -> None:
    try:
        digest = durable.digest(path)
    except OSError as error:
        raise CorruptCheckpoint(f"The piece {path} cannot be read: {error.strerror}. Fetch it again.") from error
    if digest != recorded["sha256"]:
        raise CorruptCheckpoint(f"The piece {path} differs from what was written. Fetch it again.")
