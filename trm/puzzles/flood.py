"""Breadth-first waves over many grids at once: a row of cells is one machine word, so that a wave costs a few shifts."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[Any]  # (N, rows) of uint32 or uint64; bit c is column c


def pack(cells: NDArray[np.bool_]) -> Words:
    """Words of grids `(N, rows, cols)`, at most 64 columns."""
    word = np.dtype(np.uint32 if cells.shape[-1] <= 32 else np.uint64)
    packed = np.packbits(cells, axis=-1, bitorder="little")
    whole = np.zeros((*packed.shape[:-1], word.itemsize), dtype=np.uint8)
    whole[..., : packed.shape[-1]] = packed
    words: Words = whole.view(word.newbyteorder("<"))[..., 0]
    return words


def unpack(words: Words, cols: int) -> NDArray[np.bool_]:
    """Grids `(N, rows, cols)` of words."""
    as_bytes = np.ascontiguousarray(words)[..., None].view(np.uint8)
    return np.unpackbits(as_bytes, axis=-1, count=cols, bitorder="little").astype(np.bool_)


def grow(cells: Words) -> Words:
    """The cells beside these, and some of these."""
    out = cells << 1 | cells >> 1
    out[:, 1:] |= cells[:, :-1]
    out[:, :-1] |= cells[:, 1:]
    return out


def waves(start: Words, free: Words) -> Iterator[Words]:
    """The free cells first reached after 1, 2, .. steps; ends when no grid has new ones."""
    wave, left = start, free & ~start
    while True:
        wave = grow(wave) & left
        if not wave.any():
            return
        left ^= wave
        yield wave


def steps_between(start: Words, goal: Words, free: Words) -> NDArray[np.int64]:
    """Fewest steps from start to goal `(N,)`; -1 where there is no way."""
    steps = np.full(len(start), -1)
    for step, wave in enumerate(waves(start, free), start=1):
        steps[(wave & goal).any(1)] = step
        if (steps > 0).all():
            break
    return steps
