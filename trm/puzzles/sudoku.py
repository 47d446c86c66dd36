"""The Sudoku family: its sizes, symbols, and the groups of cells that must hold every digit once."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from trm.errors import WrongGridSize
from trm.puzzles.spec import PuzzleSpec

BLANK = 1  # token of an empty cell; digit d is token d + 1
DIGITS = "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@cache
def boxes_of(size: int) -> tuple[tuple[int, int], ...]:
    """Shapes (rows, columns) that the boxes of a size x size Sudoku can have, the squarest first, of two like these the flat one."""
    shapes = [(height, size // height) for height in range(2, size) if size % height == 0]
    return tuple(sorted(shapes, key=lambda box: (abs(box[0] - box[1]), box[0])))


def spec_for(size: int, box: tuple[int, int] | None = None) -> PuzzleSpec:
    """The specification of a size x size Sudoku; raises WrongGridSize for sizes without boxes, or boxes of another size."""
    shapes = boxes_of(size) if size <= len(DIGITS) else ()
    if not shapes or (box is not None and box not in shapes):
        wanted = "" if box is None else f" with boxes of {box[0]}x{box[1]}"
        raise WrongGridSize(
            f"There is no {size}x{size} Sudoku{wanted}. Sizes are products of two numbers, 4 to {len(DIGITS)}."
        )
    return PuzzleSpec(kind="sudoku", rows=size, cols=size, symbols=(".", *DIGITS[:size]), box=box or shapes[0])


@cache
def units(box: tuple[int, int]) -> NDArray[np.int64]:
    """Cells of every row, column and box, `(3 * size, size)`."""
    size = box[0] * box[1]
    cells = np.arange(size * size).reshape(size, size)
    boxes = cells.reshape(size // box[0], box[0], size // box[1], box[1]).swapaxes(1, 2).reshape(size, size)
    return np.concatenate((cells, cells.T, boxes))


@cache
def peer_pairs(box: tuple[int, int]) -> NDArray[np.int64]:
    """Pairs of cells that may not hold the same digit, `(2, pairs)`: each pair once, in order."""
    first, second = np.triu_indices(box[0] * box[1], 1)
    groups = np.sort(units(box))
    return np.unique(np.stack((groups[:, first].ravel(), groups[:, second].ravel())), axis=1)
