"""Writes safetensors files, and reads those with a valid header: an untrusted one must not exhaust memory or name a path."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from trm.errors import CorruptCheckpoint
from trm.file_signatures import describe_file

LENGTH_BYTES = 8  # little-endian, before the JSON header
MOST_HEADER_BYTES = 16 << 20  # ours have some kilobytes
MOST_TENSORS = 100_000
LONGEST_NAME = 512
PIECE = 1 << 24  # numbers that are looked at together
SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")  # the library tells which only in words
PART = r"(?!\.)[A-Za-z0-9_.:\-\[\] ]+(?<!\.)"
NAME = re.compile(f"{PART}(/{PART})*")  # `carry/y`: never absolute, never upwards


def read(path: Path) -> dict[str, Tensor]:
    """The tensors by name; raises CorruptCheckpoint for anything else than a plain safetensors file."""
    try:
        check_header(path)
    except CorruptCheckpoint as error:  # only now: a header's length may look like anything
        if (what := describe_file(path)) is not None:
            raise CorruptCheckpoint(f"{path} is {what}.") from error
        raise
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError, OverflowError) as error:
        raise CorruptCheckpoint(f"{path} is not a safetensors file: {error}") from error


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor that holds an infinite number or none; looked at in pieces, since a puzzle table has gigabytes."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not all(p.isfinite().all() for p in torch.split(tensor.reshape(-1), PIECE)):
            return name
    return None


def write(path: Path, tensors: dict[str, Tensor]) -> None:
    """Straight from the tensors' memory; raises OSError when the system does not take it."""
    on_host = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        safetensors.torch.save_file(on_host, path)
    except safetensors.SafetensorError as error:
        if (number := SYSTEM_ERROR.search(str(error))) is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error


def check_header(path: Path) -> None:
    """Raises CorruptCheckpoint when the header is too large, damaged, or names a tensor like a path."""
    try:
        header = json.loads(_header(path))
    except (ValueError, RecursionError) as error:
        raise CorruptCheckpoint(f"{path} has a damaged header: {str(error)[:200]}.") from error
    if not isinstance(header, dict) or len(header) > MOST_TENSORS:
        raise CorruptCheckpoint(f"{path} has a header that is no list of at most {MOST_TENSORS} tensors.")
    for name in header:
        if len(name) > LONGEST_NAME or ".." in name or NAME.fullmatch(name) is None:
            raise CorruptCheckpoint(f"{path} holds a tensor by the name {name[:100]!r}, which no model gives.")


def _header(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            if length > min(MOST_HEADER_BYTES, path.stat().st_size - LENGTH_BYTES):
                raise CorruptCheckpoint(f"{path} claims a header of {length} bytes, more than it has or than is taken.")
            return file.read(length)
    except OSError as error:
        raise CorruptCheckpoint(f"{path} cannot be read: {error.strerror}.") from error
