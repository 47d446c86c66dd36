"""Headers of safetensors files, checked and read without torch: an untrusted one must not exhaust memory or name a path."""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trm.errors import CorruptCheckpoint

LENGTH_BYTES = 8  # little-endian, before the JSON header
MOST_HEADER_BYTES = 16 << 20  # ours have some kilobytes
MOST_TENSORS = 100_000
LONGEST_NAME = 512
PIECE = 1 << 22  # numbers that are looked at together
METADATA = "__metadata__"
PART = r"(?!\.)[A-Za-z0-9_.:\-\[\] ]+(?<!\.)"
NAME = re.compile(f"{PART}(/{PART})*")  # `carry/y`: never absolute, never upwards
# How a number of each type is read, and which bits are all set in those that are infinite or no number.
FLOATS: dict[str, tuple[np.dtype[Any], int]] = {
    "F64": (np.dtype("<u8"), 0x7FF0_0000_0000_0000),
    "F32": (np.dtype("<u4"), 0x7F80_0000),
    "BF16": (np.dtype("<u2"), 0x7F80),
    "F16": (np.dtype("<u2"), 0x7C00),
}
WHOLE_BYTES = {"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1}


def read_header(path: Path) -> dict[str, Any]:
    """The entry of each tensor; raises CorruptCheckpoint when the header is too large, damaged, or names a tensor like a path."""
    try:
        header = json.loads(_read_json(path))
    except (ValueError, RecursionError) as error:
        raise CorruptCheckpoint(f"{path} has a damaged header: {str(error)[:200]}.") from error
    if not isinstance(header, dict) or len(header) > MOST_TENSORS:
        raise CorruptCheckpoint(f"{path} has a header that is no list of at most {MOST_TENSORS} tensors.")
    for name in header:
        if len(name) > LONGEST_NAME or ".." in name or NAME.fullmatch(name) is None:
            raise CorruptCheckpoint(f"{path} holds a tensor by the name {name[:100]!r}, which no model gives.")
    return header


def require_sound(path: Path) -> None:
    """Raises CorruptCheckpoint unless every tensor lies in the file whole and is finite."""
    header = read_header(path)
    begin = LENGTH_BYTES + len(_read_json(path))
    data = np.memmap(path, np.uint8, "r", offset=begin) if path.stat().st_size > begin else np.zeros(0, np.uint8)
    for name, entry in header.items():
        if name != METADATA:
            _require_sound_tensor(path, name, entry, data)


def _require_sound_tensor(path: Path, name: str, entry: Any, data: NDArray[np.uint8]) -> None:  # noqa: ANN401  of JSON
    try:
        kind, (first, last), count = entry["dtype"], entry["data_offsets"], math.prod(entry["shape"])
        width = FLOATS[kind][0].itemsize if kind in FLOATS else WHOLE_BYTES[kind]
        fits = 0 <= first <= last <= len(data) and last - first == count * width
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptCheckpoint(
            f"The tensor {name} in {path} has no type, shape and place that can be read."
        ) from error
    if not fits:
        raise CorruptCheckpoint(f"The tensor {name} in {path} does not lie where its header says.")
    if kind in FLOATS:
        dtype, exponent = FLOATS[kind]
        for piece in range(first, last, PIECE * width):
            bits: NDArray[Any] = data[piece : min(piece + PIECE * width, last)].copy().view(dtype)
            if ((bits & exponent) == exponent).any():
                raise CorruptCheckpoint(f"The tensor {name} in {path} holds numbers that are infinite or not a number.")


def _read_json(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            if length > min(MOST_HEADER_BYTES, path.stat().st_size - LENGTH_BYTES):
                raise CorruptCheckpoint(f"{path} claims a header of {length} bytes, more than it has or than is taken.")
            return file.read(length)
    except OSError as error:
        raise CorruptCheckpoint(f"{path} cannot be read: {error.strerror}.") from error
