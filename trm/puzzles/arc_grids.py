"""ARC tasks: pairs of coloured grids, as grids and as tokens."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trm.errors import WrongGridSize
from trm.puzzles.spec import PuzzleSpec

Grid = NDArray[np.uint8]  # (h, w), colours 0-9

SIDE = 30  # the largest grid
PAD, END, FIRST_COLOUR = 0, 1, 2  # tokens; colour c is FIRST_COLOUR + c
COLOURS = 10
# 0 to 9, as the site of ARC shows them
PALETTE = ["#000000", "#0074d9", "#ff4136", "#2ecc40", "#ffdc00", "#aaaaaa", "#f012be", "#ff851b", "#7fdbff", "#870c25"]
SPEC = PuzzleSpec(kind="arc", rows=SIDE, cols=SIDE, symbols=("|", *map(str, range(COLOURS))))


@dataclass(frozen=True, eq=False)
class Pair:
    """A question and, where it is known, its answer."""

    question: Grid
    answer: Grid | None


@dataclass(frozen=True, eq=False)
class Task:
    """Pairs that follow one rule: the rule is shown by `train` and asked for by `test`."""

    name: str
    train: tuple[Pair, ...]
    test: tuple[Pair, ...]

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Train pairs, then test pairs."""
        return self.train + self.test


def encode(grid: Grid, offset: tuple[int, int] = (0, 0)) -> NDArray[np.int32]:
    """Tokens `(900,)` of a grid whose top left cell is at `offset`; raises WrongGridSize when it does not fit.

    End markers stand directly below and directly to the right of the grid, where there is room; the corner between is padding.
    """
    (top, left), (height, width) = offset, grid.shape
    bottom, right = top + height, left + width
    if min(top, left) < 0 or max(bottom, right) > SIDE:
        raise WrongGridSize(f"A {height}x{width} grid at {offset} leaves the {SIDE}x{SIDE} canvas. Move or crop it.")
    canvas = np.full((SIDE, SIDE), PAD, dtype=np.int32)
    canvas[top:bottom, left:right] = grid.astype(np.int32) + FIRST_COLOUR
    canvas[bottom : bottom + 1, left:right] = END
    canvas[top:bottom, right : right + 1] = END
    return canvas.reshape(-1)


def crop(tokens: NDArray[np.integer]) -> Grid:
    """The largest all-coloured rectangle at the top left of tokens `(900,)`; `(0, 0)` when the first cell has no colour.

    Of equally large rectangles the one with fewer rows counts.
    """
    canvas = tokens.reshape(SIDE, SIDE)
    coloured = (canvas >= FIRST_COLOUR) & (canvas < FIRST_COLOUR + COLOURS)
    widths = np.minimum.accumulate(coloured.cumprod(axis=1).sum(axis=1))  # a rectangle is as wide as its shortest row
    height = int((widths * np.arange(1, SIDE + 1)).argmax()) + 1
    if not widths[0]:
        return np.zeros((0, 0), dtype=np.uint8)
    return (canvas[:height, : widths[height - 1]] - FIRST_COLOUR).astype(np.uint8)


def area(tokens: NDArray[np.integer]) -> tuple[slice, slice]:
    """Rows and columns of a canvas of tokens that hold its grid: what `crop` takes, or all colours where the grid was moved."""
    height, width = crop(tokens).shape
    if height:
        return slice(height), slice(width)
    used = np.argwhere(tokens.reshape(SIDE, SIDE) >= FIRST_COLOUR)
    if not used.size:
        return slice(SIDE), slice(SIDE)
    (top, left), (bottom, right) = used.min(0).tolist(), used.max(0).tolist()
    return slice(top, bottom + 1), slice(left, right + 1)
