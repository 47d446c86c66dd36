"""Writes safetensors files, and reads those with a valid header: an untrusted one must not exhaust memory or name a path."""

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
from trm.interface.tensor_header import read_header

PIECE = 1 << 24  # numbers that are looked at together
SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")  # the library tells which only in words


def read(path: Path) -> dict[str, Tensor]:
    """The tensors by name; raises CorruptCheckpoint for anything else than a plain safetensors file of finite numbers."""
    try:
        read_header(path)
    except CorruptCheckpoint as error:  # only now: a header's length may look like anything
        if (what := describe_file(path)) is not None:
            raise CorruptCheckpoint(f"{path} is {what}.") from error
        raise
    try:
        tensors = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError, OverflowError) as error:
        raise CorruptCheckpoint(f"{path} is not a safetensors file: {error}") from error
    require_finite(tensors, path)
    return tensors


def require_finite(tensors: Mapping[str, Tensor], source: Path | str) -> None:
    """Raises CorruptCheckpoint that names the first tensor with a number that is not finite; looked at in pieces, since a puzzle
    table has gigabytes.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not all(p.isfinite().all() for p in torch.split(tensor.reshape(-1), PIECE)):
            raise CorruptCheckpoint(f"The tensor {name} in {source} holds numbers that are infinite or not a number.")


def write(path: Path, tensors: dict[str, Tensor]) -> None:
    """Straight from the tensors' memory; raises OSError when the system does not take it."""
    on_host = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        safetensors.torch.save_file(on_host, path)
    except safetensors.SafetensorError as error:
        if (number := SYSTEM_ERROR.search(str(error))) is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
