"""ARC grids become tokens and come back."""

import numpy as np
import pytest

from trm.errors import WrongGridSize
from trm.puzzles.arc_grids import SIDE, SPEC, area, crop, encode

RNG = np.random.default_rng(0)


def test_the_alphabet_is_the_official_one() -> None:
    assert (SPEC.vocab_size, SPEC.cells) == (12, 900)
    assert SPEC.symbols[0] == "|"
    assert SPEC.symbols[1:] == tuple("0123456789")


def test_end_markers_stand_below_and_right_and_leave_the_corner() -> None:
    canvas = encode(np.array([[0, 9]], dtype=np.uint8), (2, 3)).reshape(SIDE, SIDE)
    assert canvas[2:4, 3:6].tolist() == [[2, 11, 1], [1, 1, 0]]
    assert np.count_nonzero(canvas) == 5
    assert canvas.dtype == np.int32


def test_a_grid_that_touches_the_border_has_no_marker_there() -> None:
    canvas = encode(np.zeros((30, 1), dtype=np.uint8), (0, 28)).reshape(SIDE, SIDE)
    assert (canvas[:, 28] == 2).all()
    assert (canvas[:, 29] == 1).all()
    full = encode(np.full((30, 30), 9, dtype=np.uint8))
    assert (full == 11).all()


@pytest.mark.parametrize("offset", [(0, 28), (28, 0), (-1, 0)])
def test_a_grid_must_fit(offset: tuple[int, int]) -> None:
    with pytest.raises(WrongGridSize, match="3x3"):
        encode(np.zeros((3, 3), dtype=np.uint8), offset)


def test_crop_undoes_encode() -> None:
    for height, width in [(1, 1), (30, 30), (30, 3), (2, 30), (7, 11)]:
        grid = RNG.integers(0, 10, (height, width), dtype=np.uint8)
        assert np.array_equal(crop(encode(grid)), grid)


def slow_crop(tokens: np.ndarray) -> np.ndarray:
    """Every rectangle tried, fewest rows first."""
    canvas, best = tokens.reshape(SIDE, SIDE), (0, 0)
    for height in range(1, SIDE + 1):
        fits = [w for w in range(1, SIDE + 1) if ((canvas[:height, :w] > 1) & (canvas[:height, :w] < 12)).all()]
        if fits and height * max(fits) > best[0] * best[1]:
            best = (height, max(fits))
    return canvas[: best[0], : best[1]] - 2


def test_crop_takes_the_first_of_the_largest_rectangles() -> None:
    for _ in range(20):
        tokens = RNG.choice(np.array([0, 1, 2, 5, 11]), 900, p=[0.02, 0.02, 0.3, 0.3, 0.36])
        assert np.array_equal(crop(tokens), slow_crop(tokens))
    tie = np.zeros((SIDE, SIDE), dtype=np.int32)
    tie[0, :4] = tie[1, :2] = 3
    assert crop(tie).shape == (1, 4)


def test_a_canvas_without_colour_crops_to_nothing() -> None:
    for token in (0, 1):
        assert crop(np.full(900, token)).shape == (0, 0)


def test_area_finds_the_grid_at_the_origin_and_moved() -> None:
    grid = np.array([[1, 0, 2], [3, 4, 5]], dtype=np.uint8)
    for offset in ((0, 0), (4, 7)):
        tokens = encode(grid, offset)
        shown = tokens.reshape(30, 30)[area(tokens)] - 2
        assert np.array_equal(shown, grid)
    noisy = np.where(encode(grid) == 0, 9, encode(grid))  # what a model writes where nothing is asked for
    assert np.array_equal(noisy.reshape(30, 30)[area(noisy)] - 2, grid)
