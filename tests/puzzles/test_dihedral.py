"""The eight turns and reflections are numbered as published."""

import numpy as np
import pytest

from trm.puzzles.symmetries import dihedral

GRID = np.array([[1, 2], [3, 4]])
IMAGES = (
    [1, 2, 3, 4],
    [2, 4, 1, 3],
    [4, 3, 2, 1],
    [3, 1, 4, 2],
    [2, 1, 4, 3],
    [3, 4, 1, 2],
    [1, 3, 2, 4],
    [4, 2, 3, 1],
)


@pytest.mark.parametrize("number", dihedral.IDS)
def test_every_number_means_its_image(number: int) -> None:
    assert dihedral.apply(GRID, number).ravel().tolist() == IMAGES[number]
    assert GRID.ravel()[dihedral.cell_permutation(2, 2, number)].tolist() == IMAGES[number]


@pytest.mark.parametrize("number", dihedral.IDS)
@pytest.mark.parametrize("shape", [(3, 3), (2, 5)])
def test_each_is_undone_by_its_inverse(number: int, shape: tuple[int, int]) -> None:
    grid = np.arange(shape[0] * shape[1]).reshape(shape)
    assert np.array_equal(dihedral.apply(dihedral.apply(grid, number), dihedral.INVERSE[number]), grid)


def test_oblong_grids_keep_their_shape_under_four_only() -> None:
    grid = np.zeros((2, 5))
    assert tuple(i for i in dihedral.IDS if dihedral.apply(grid, i).shape == grid.shape) == dihedral.shape_keeping(2, 5)
    assert len(dihedral.shape_keeping(4, 4)) == 8
