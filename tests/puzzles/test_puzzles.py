"""Text, rules, search, symmetries and the generator agree with each other."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm.errors import (
    ContradictoryGivens,
    MultipleSolutions,
    PuzzleTooHard,
    UnknownSymbol,
    UnsolvablePuzzle,
    WrongGridSize,
)
from trm.puzzles import grids
from trm.puzzles.datasets.datasets import load
from trm.puzzles.drawing.render import render, render_small
from trm.puzzles.generate import generate
from trm.puzzles.maze import spec_for as maze_spec
from trm.puzzles.rules import check, check_many, conflicts, require_consistent
from trm.puzzles.search import require_unique, solutions
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import BLANK, boxes_of, spec_for
from trm.puzzles.symmetries.symmetry import canonical, group_size, random_symmetry, views
from trm.puzzles.tables import read_table

SMALL = load("sudoku-4x4", "train")
SIX = load("sudoku-6x6", "test")


@pytest.mark.parametrize(
    "form", ["1.3.3.1.2.4...2.", "1.3.\n3.1.\n2.4.\n..2.", "1030301020400020", "1_3_ 3_1_ 2_4_ __2_"]
)
def test_text_forms_of_a_grid_are_equal(form: str) -> None:
    spec = spec_for(4)
    rows = [[1, 0, 3, 0], [3, None, 1, ""], [2, ".", 4, "."], [0, 0, 2, 0]]
    assert grids.parse(spec, form).tolist() == grids.parse(spec, rows).tolist()
    assert grids.text(spec, grids.parse(spec, form)) == "1.3.3.1.2.4...2."


def test_a_wrong_symbol_is_named_with_its_place() -> None:
    with pytest.raises(UnknownSymbol, match=r"Row 2, column 3 holds '9'"):
        grids.parse(spec_for(4), "1.3.3.9.2.4...2.")
    with pytest.raises(WrongGridSize, match="15 cells"):
        grids.parse(spec_for(4), "1" * 15)
    with pytest.raises(WrongGridSize, match="A row has 3 cells"):
        grids.parse(spec_for(4), [[1, 2, 3]])


@given(st.integers(0, len(SIX) - 1), st.integers(0, 35), st.integers(1, 5))
def test_the_checker_accepts_solutions_and_refuses_any_changed_cell(puzzle: int, cell: int, shift: int) -> None:
    question, answer = SIX.questions[puzzle], SIX.answers[puzzle].copy()
    assert check(SIX.spec, question, answer) is True
    answer[cell] = 2 + (answer[cell] - 2 + shift) % 6
    assert check(SIX.spec, question, answer) is False


@pytest.mark.parametrize(("name", "cells"), [("sudoku-extreme-1k", 81), ("maze-hard", 200)])
def test_no_single_changed_cell_of_a_label_passes(name: str, cells: int) -> None:
    puzzles, rng = load(name, "test").take(3), np.random.default_rng(0)
    first = 2 if puzzles.spec.kind == "sudoku" else 1  # token of the first symbol that an answer may hold
    symbols = puzzles.spec.vocab_size - first
    for question, answer in zip(puzzles.questions, puzzles.answers, strict=True):
        at = np.repeat(rng.choice(puzzles.spec.cells, cells, replace=False), symbols - 1)
        shift = np.tile(np.arange(1, symbols), cells)
        changed = np.tile(answer, (len(at), 1))
        changed[np.arange(len(at)), at] = first + (answer[at] - first + shift) % symbols
        verdicts = check_many(puzzles.spec, np.tile(question, (len(at) + 1, 1)), np.stack([answer, *changed]))
        assert verdicts is not None
        assert verdicts[0]
        assert not verdicts[1:].any()


def test_a_kind_without_rules_has_no_verdict() -> None:
    spec = PuzzleSpec(kind="grid", rows=1, cols=2, symbols=("a", "b"))
    assert check_many(spec, np.ones((1, 2), np.int32), np.ones((1, 2), np.int32)) is None
    assert conflicts(spec, np.ones(2, np.int32)) == []


def test_contradictory_givens_are_named() -> None:
    with pytest.raises(ContradictoryGivens, match="row 1 column 1 stands again at row 1 column 4"):
        require_consistent(spec_for(4), grids.parse(spec_for(4), "1..1" + "." * 12))


@pytest.mark.parametrize("name", ["sudoku-4x4", "sudoku-6x6", "sudoku-extreme-1k"])
def test_shipped_puzzles_have_exactly_their_answer(name: str) -> None:
    puzzles = load(name, "test").take(40)
    for question, answer in zip(puzzles.questions, puzzles.answers, strict=True):
        assert require_unique(puzzles.spec, question).tolist() == answer.tolist()


def test_unsolvable_and_ambiguous_puzzles_are_told_apart() -> None:
    spec = spec_for(4)
    with pytest.raises(MultipleSolutions):
        require_unique(spec, np.full(16, BLANK, np.int32))
    with pytest.raises(UnsolvablePuzzle):
        require_unique(spec, grids.parse(spec, "12........3...4."))
    with pytest.raises(PuzzleTooHard):
        solutions(spec_for(9), np.full(81, BLANK, np.int32), limit=10_000, budget=50)


@pytest.mark.parametrize("size", [4, 6, 8, 9, 10, 12, pytest.param(16, marks=pytest.mark.slow)])
def test_generated_puzzles_have_one_answer(size: int) -> None:
    floor = {10: 60, 12: 90, 16: 150}.get(size)
    spec = spec_for(size)
    for question, answer in generate(size, 2, seed=5, givens=floor):
        assert check(spec, question, answer)
        assert (question == BLANK).any()
        assert require_unique(spec, question).tolist() == answer.tolist()


@pytest.mark.parametrize(
    ("size", "boxes"), [(6, {(2, 3), (3, 2)}), (12, {(3, 4), (4, 3), (2, 6), (6, 2)}), (9, {(3, 3)})]
)
def test_a_size_may_have_several_box_shapes(size: int, boxes: set[tuple[int, int]]) -> None:
    assert set(boxes_of(size)) == boxes
    assert {spec_for(size, box).box for box in boxes} == boxes


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 36])
def test_sizes_without_boxes_are_refused(size: int) -> None:
    with pytest.raises(WrongGridSize, match=f"{size}x{size}"):
        spec_for(size)


@pytest.mark.parametrize("box", [(2, 3), (3, 2)])
def test_the_boxes_of_a_file_are_those_that_its_answers_obey(box: tuple[int, int], tmp_path: Path) -> None:
    pairs = list(generate(6, 3, seed=1, givens=20, box=box))
    spec = spec_for(6, box)
    rows = "".join(f"{grids.text(spec, q)},{grids.text(spec, a)}\n" for q, a in pairs)
    (tmp_path / "own.csv").write_text("question,answer\n" + rows)
    assert read_table(tmp_path / "own.csv", kind="sudoku").spec.box == box


def test_the_generator_repeats_itself_for_a_seed() -> None:
    first, second = (np.stack([q for q, _ in generate(4, 3, seed=9)]) for _ in range(2))
    assert np.array_equal(first, second)


@given(st.integers(0, 2**32 - 1), st.sampled_from([4, 6, 9, 16]))
def test_a_symmetry_is_undone_by_its_inverse(seed: int, size: int) -> None:
    rng, spec = np.random.default_rng(seed), spec_for(size)
    grid = rng.integers(1, spec.vocab_size, spec.cells).astype(np.int32)
    symmetry = random_symmetry(spec, rng)
    assert np.array_equal(symmetry.inverse().apply(symmetry.apply(grid)), grid)


@given(st.integers(0, 2**32 - 1), st.integers(0, 999))
def test_equivalent_puzzles_share_their_canonical_form(seed: int, puzzle: int) -> None:
    rng, question = np.random.default_rng(seed), SIX.questions[puzzle]
    symmetry = random_symmetry(SIX.spec, rng)
    assert canonical(SIX.spec, symmetry.apply(question)) == canonical(SIX.spec, question)
    assert check(SIX.spec, symmetry.apply(question), symmetry.apply(SIX.answers[puzzle]))


def test_large_groups_are_not_walked() -> None:
    with pytest.raises(PuzzleTooHard):
        canonical(spec_for(9), np.full(81, BLANK, np.int32))


def test_a_rendered_grid_shows_boxes_and_symbols() -> None:
    shown = render(SMALL.spec, SMALL.answers[0], givens=SMALL.questions[0]).plain
    assert shown.count("|") == 4
    assert len(shown.strip().splitlines()) == 5


def test_a_maze_is_drawn_small_with_two_cells_in_a_character() -> None:
    spec = maze_spec(3, 3)
    drawn = render_small(spec, grids.parse(spec, "S##o #Goo"))
    assert drawn is not None
    assert drawn.plain.splitlines() == ["\u2580\u2580\u2580", "\u2580\u2580\u2580"]
    assert [str(span.style) for span in drawn.spans] == [
        "green on cyan", "grey50", "grey50 on grey50", "magenta", "cyan", "cyan",
    ]  # fmt: skip
    assert render_small(SIX.spec, SIX.answers[0]) is None


@pytest.mark.parametrize("size", [4, 6, 9])
def test_views_differ_and_start_with_the_puzzle_itself(size: int) -> None:
    spec = spec_for(size)
    several = views(spec, 20, seed=1)
    grid = np.arange(spec.cells, dtype=np.int32) % spec.vocab_size
    assert len({(view.cells.tobytes(), view.tokens.tobytes()) for view in several}) == 20
    assert np.array_equal(several[0].apply(grid), grid)


def test_a_small_group_has_no_more_views_than_members() -> None:
    assert group_size((2, 2)) == 128 * 24
    assert len(views(spec_for(4), 4000, seed=0)) == 128 * 24
    grid = PuzzleSpec(kind="grid", rows=2, cols=2, symbols=("a", "b"))
    assert len(views(grid, 8, seed=0)) == 1


def test_mazes_are_parsed_checked_solved_and_shown() -> None:
    spec = maze_spec(2, 3)
    question = grids.parse(spec, " S \nG# ")
    assert grids.parse(spec, [".S.", "G#_"]).tolist() == grids.parse(spec, [[" ", "S", " "], "G# "]).tolist()
    require_consistent(spec, question)
    answer = require_unique(spec, question)
    assert grids.text(spec, answer) == "oS G# "
    assert check(spec, question, answer) is True
    assert check(spec, question, question) is False
    assert render(spec, answer).plain.splitlines() == ["\u2022 S   ", "G \u2588\u2588  "]


def test_mazes_that_make_no_sense_are_refused() -> None:
    spec = maze_spec(1, 4)
    assert conflicts(spec, grids.parse(spec, "SSGS")) == [(0, 1), (0, 3)]
    with pytest.raises(ContradictoryGivens, match="exactly one"):
        require_consistent(spec, grids.parse(spec, "SSG "))
    with pytest.raises(UnsolvablePuzzle, match="No way"):
        require_unique(spec, grids.parse(spec, "S# G"))
