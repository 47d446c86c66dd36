"""Mazes: one rule for ties, every shortest path accepted, new ones as asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trm.errors import ContradictoryGivens, PuzzleTooHard, UnsolvablePuzzle
from trm.puzzles import flood
from trm.puzzles.maze import GOAL, OPEN, PATH, START, WALL, generate, shortest_path, solve, spec_for, valid
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.symmetries.symmetry import canonical, random_symmetry, views

SPEC = spec_for(8, 8)
SMALL = list(generate(8, 8, 40, seed=3, shortest=12))


def maze(*lines: str) -> tuple[PuzzleSpec, NDArray[np.int32]]:
    spec = spec_for(len(lines), len(lines[0]))
    return spec, np.array([spec.symbols.index(cell) + 1 for cell in "".join(lines)], dtype=np.int32)


def test_ties_go_down_then_left_then_right_then_up() -> None:
    spec, tokens = maze("S  ", "   ", "  G")
    assert shortest_path(spec, tokens) == [0, 3, 6, 7, 8]
    spec, tokens = maze("G  ", "   ", "  S")
    assert shortest_path(spec, tokens) == [8, 7, 6, 3, 0]


@pytest.mark.parametrize("lines", [(" # ", "S#G", "## "), ("S #", " ##", "##G")])
def test_a_goal_behind_walls_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(UnsolvablePuzzle, match="No way leads"):
        shortest_path(*maze(*lines))


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [(("S S", "  G"), "2 cells with the start"), (("S  ", "   "), "no cells with the goal"), (("SoG",), "holds path")],
)
def test_mazes_with_wrong_marks_are_refused(lines: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ContradictoryGivens, match=sentence):
        shortest_path(*maze(*lines))


def test_any_shortest_path_is_right_and_nothing_else() -> None:
    spec, question = maze("S  ", " # ", "  G")
    for drawing, right in (
        ("So / #o/ oG", False),
        ("Soo/ #o/  G", True),
        ("S  /o# /ooG", True),
        ("Soo/o#o/ooG", False),
        ("Soo/ #o/o G", False),
        ("Soo/  o/  G", False),
        ("oSo/ #o/  G", False),
    ):
        answer = maze(*drawing.split("/"))[1]
        assert valid(spec, question[None], answer[None]).tolist() == [right], drawing


def test_a_detour_is_no_shortest_path() -> None:
    spec, question = maze("S G", "   ")
    assert not valid(spec, question[None], maze("S G", "ooo")[1][None])[0]


@given(st.integers(0, len(SMALL) - 1), st.integers(0, 63), st.integers(1, 4))
def test_no_changed_cell_passes(number: int, cell: int, shift: int) -> None:
    question, answer = SMALL[number]
    changed = answer.copy()
    changed[cell] = 1 + (changed[cell] - 1 + shift) % 5
    assert valid(SPEC, np.stack([question] * 2), np.stack([answer, changed])).tolist() == [True, False]


@given(st.integers(0, 2**32 - 1), st.integers(0, len(SMALL) - 1))
def test_images_of_a_maze_are_mazes_and_share_a_canonical_form(seed: int, number: int) -> None:
    question, answer = SMALL[number]
    symmetry = random_symmetry(SPEC, np.random.default_rng(seed))
    turned = symmetry.apply(question)
    assert np.array_equal(symmetry.inverse().apply(turned), question)
    assert canonical(SPEC, turned) == canonical(SPEC, question)
    assert valid(SPEC, turned[None], symmetry.apply(answer)[None])[0]


def test_square_mazes_have_eight_views_and_oblong_ones_four() -> None:
    question = SMALL[0][0]
    assert len({view.apply(question).tobytes() for view in views(SPEC, 99, 0)}) == 8
    assert np.array_equal(views(SPEC, 3, 0)[0].apply(question), question)
    assert len(views(SPEC, 3, 0)) == 3
    assert len(views(spec_for(3, 5), 8, 0)) == 4


def test_new_mazes_are_as_asked_for() -> None:
    for question, answer in SMALL:
        assert 0.3 * 64 <= (question == WALL).sum() <= 0.5 * 64
        assert (answer >= START).sum() >= 12
        assert np.array_equal(solve(SPEC, question), answer)
    assert len({canonical(SPEC, question) for question, _ in SMALL}) == len(SMALL)
    again = list(generate(8, 8, 40, seed=3, shortest=12))
    assert all(np.array_equal(a, b) for a, b in zip(np.array(again), np.array(SMALL), strict=True))


def test_paths_that_do_not_fit_are_refused() -> None:
    with pytest.raises(PuzzleTooHard, match="does not fit"):
        next(generate(4, 4, 1, 0, shortest=17))


@pytest.mark.parametrize("cols", [5, 32, 33, 64])
def test_words_hold_grids_of_every_width(cols: int) -> None:
    cells = np.random.default_rng(cols).random((3, 4, cols)) < 0.5
    assert np.array_equal(flood.unpack(flood.pack(cells), cols), cells)


@pytest.mark.parametrize("cols", [32, 64])
def test_paths_run_through_the_whole_width(cols: int) -> None:
    spec = spec_for(2, cols)
    question = np.full(spec.cells, OPEN, dtype=np.int32)
    question[[0, cols - 1]] = START, GOAL
    answer = solve(spec, question)
    assert (answer == PATH).sum() == cols - 2
    assert valid(spec, question[None], answer[None])[0]
