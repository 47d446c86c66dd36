"""The Sudoku family: its sizes, symbols, and the groups of cells that must hold every digit once."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from trm.config import PuzzleSpec
from trm.errors import WrongGridSize

BLANK = 1  # token of an empty cell; digit d is token d + 1
BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3), 12: (3, 4), 16: (4, 4)}  # size -> rows, columns of a box
DIGITS = "123456789ABCDEFG"


def spec_for(size: int) -> PuzzleSpec:
    """The specification of a size x size Sudoku; raises WrongGridSize for sizes without a box shape."""
    if size not in BOXES:
        raise WrongGridSize(f"There is no {size}x{size} Sudoku here. Sizes: {', '.join(map(str, BOXES))}.")
    return PuzzleSpec(kind="sudoku", rows=size, cols=size, symbols=(".", *DIGITS[:size]), box=BOXES[size])


@cache
def units(box: tuple[int, int]) -> NDArray[np.int64]:
    """Cells of every row, column and box, `(3 * size, size)`."""
    size = box[0] * box[1]
    cells = np.arange(size * size).reshape(size, size)
    boxes = cells.reshape(size // box[0], box[0], size // box[1], box[1]).swapaxes(1, 2).reshape(size, size)
    return np.concatenate((cells, cells.T, boxes))
