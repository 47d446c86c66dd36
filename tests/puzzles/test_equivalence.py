"""Equivalent puzzles are found whatever was done to them, and no others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trm.puzzles import equivalence
from trm.puzzles.datasets.datasets import load
from trm.puzzles.equivalence import apart, classes, exact_form, fingerprints
from trm.puzzles.generate import generate
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.sudoku import BLANK, spec_for
from trm.puzzles.symmetries.symmetry import random_symmetry

pytestmark = pytest.mark.long

HARD = load("sudoku-extreme-1k", "train").take(40)


def with_images(puzzles: PuzzleSet, seed: int) -> PuzzleSet:
    """The puzzles, then one random image of each in reverse order."""
    rng = np.random.default_rng(seed)
    symmetries = [random_symmetry(puzzles.spec, rng) for _ in range(len(puzzles))]
    questions, answers = (
        np.stack([*grids, *[s.apply(g) for s, g in zip(symmetries, grids, strict=True)][::-1]])
        for grids in (puzzles.questions, puzzles.answers)
    )
    return PuzzleSet(puzzles.spec, questions, answers)


@pytest.mark.parametrize("name", ["sudoku-4x4", "sudoku-6x6", "sudoku-extreme-1k", "maze-hard"])
def test_images_are_in_the_class_of_their_puzzle_and_nothing_else_is(name: str) -> None:
    both = with_images(load(name, "test").take(30), seed=7)
    found = classes(both.spec, both.questions, both.answers)
    assert found.meaning == "exact"
    assert found.numbers[:30].tolist() == found.numbers[30:][::-1].tolist() == list(range(30))


@given(st.integers(0, 2**32 - 1), st.integers(0, 39))
@settings(max_examples=20, deadline=None)
def test_the_exact_form_is_the_same_for_images(seed: int, number: int) -> None:
    symmetry = random_symmetry(HARD.spec, np.random.default_rng(seed))
    question, answer = HARD.questions[number], HARD.answers[number]
    assert exact_form(symmetry.apply(question), symmetry.apply(answer)) == exact_form(question, answer)


def test_the_exact_form_tells_clues_of_one_grid_apart() -> None:
    answer = HARD.answers[0]
    one, other = (np.where(np.isin(np.arange(81), cells), answer, BLANK) for cells in ((0, 1), (0, 40)))
    assert exact_form(one, answer) != exact_form(other, answer)


def test_puzzles_with_one_fingerprint_are_compared_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        equivalence, "fingerprints", lambda spec, questions, answers: np.zeros(len(questions), np.uint64)
    )
    some = with_images(HARD.take(5), seed=1)
    assert classes(some.spec, some.questions, some.answers).numbers.tolist() == [0, 1, 2, 3, 4, 4, 3, 2, 1, 0]
    assert classes(some.spec, some.questions, some.answers, most=9).meaning == "suspected"


@pytest.mark.parametrize("size", [6, 9, 12])
def test_no_symmetry_changes_a_fingerprint(size: int) -> None:
    spec = spec_for(size)
    pairs = list(generate(size, 3, seed=2, givens=size * size * 3 // 4))
    questions, answers = (np.stack(part) for part in zip(*pairs, strict=True))
    both = with_images(PuzzleSet(spec, questions, answers), seed=3)
    prints = fingerprints(spec, both.questions, both.answers)
    assert prints[:3].tolist() == prints[3:][::-1].tolist()
    assert len(set(prints.tolist())) == 3
    assert apart(spec, both.questions, both.answers).tolist() == [0, 1, 2, 2, 1, 0]


def test_fingerprints_seldom_agree_by_chance() -> None:
    puzzles = load("sudoku-extreme-1k", "test")
    assert len(set(fingerprints(puzzles.spec, puzzles.questions, puzzles.answers).tolist())) > 0.999 * len(puzzles)


def test_two_shipped_puzzles_share_a_fingerprint_and_are_not_equivalent() -> None:
    puzzles = load("sudoku-extreme-1k", "test")
    prints = fingerprints(puzzles.spec, puzzles.questions, puzzles.answers)
    values, counts = np.unique(prints, return_counts=True)
    first, other = np.flatnonzero(prints == values[counts > 1][0])
    assert exact_form(puzzles.questions[first], puzzles.answers[first]) != exact_form(
        puzzles.questions[other], puzzles.answers[other]
    )


def test_above_nine_only_equal_grids_are_told() -> None:
    spec = spec_for(12)
    grid = np.full((2, 144), 3, dtype=np.int32)
    assert classes(spec, grid, grid).meaning == "equal"
    assert classes(spec, grid, grid).numbers.tolist() == [0, 0]
