"""The eight turns and reflections of a grid, numbered as in the published ARC and maze data sets."""

from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)
IDS = range(8)
INVERSE = (0, 3, 2, 1, 4, 5, 6, 7)  # INVERSE[i] undoes i
UPRIGHT = (0, 2, 4, 5)  # these keep the shape of every grid; the others swap rows and columns


def apply(grid: NDArray[T], dihedral: int) -> NDArray[T]:
    """The image of a grid `(rows, cols)` under one of the eight.

    0 identity; 1, 2, 3 quarter turns counter-clockwise; 4 left-right; 5 up-down; 6 transposed; 7 along the other diagonal.
    """
    if dihedral < 4:
        return np.rot90(grid, dihedral)
    return (np.fliplr(grid), np.flipud(grid), grid.T, np.fliplr(np.rot90(grid)))[dihedral - 4]


def shape_keeping(rows: int, cols: int) -> tuple[int, ...]:
    """The ids whose images of rows x cols grids are rows x cols again: all eight for squares, else four."""
    return tuple(IDS) if rows == cols else UPRIGHT


@cache
def cell_permutation(rows: int, cols: int, dihedral: int) -> NDArray[np.int64]:
    """For each cell of the image the cell it is taken from, `(L,)`, both counted row by row."""
    cells = np.arange(rows * cols).reshape(rows, cols)
    return np.ascontiguousarray(apply(cells, dihedral)).ravel()
