"""What is wrong with an answer, by cell and rule."""

import numpy as np
import pytest

from trm.errors import DatasetError
from trm.puzzles import grids, maze, rules
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import spec_for
from trm.puzzles.violations import require_right, violations

FOUR = spec_for(4)
QUESTION, ANSWER = "..21.....1.4.3..", "3421124321344312"


def found(spec: PuzzleSpec, question: str, answer: str) -> list[tuple[str, tuple[int, ...]]]:
    tokens = grids.parse(spec, question), grids.parse(spec, answer, padding=True)
    return [(one.rule, one.cells) for one in violations(spec, *tokens)]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (ANSWER, []),
        ("3441124321344312", [("given", (2,)), ("row", (1, 2)), ("column", (2, 6)), ("box", (2, 6))]),
        ("3421124321344.12", [("blank", (13,))]),
        ("?421124321344312", [("blank", (0,))]),
        ("4321124321344312", [("column", (0, 12)), ("column", (1, 13))]),
    ],
)
def test_sudokus(answer: str, told: list[tuple[str, tuple[int, ...]]]) -> None:
    if answer == "3421124321344.12":
        told = [("given", (13,)), *told]
    assert found(FOUR, QUESTION, answer) == told


def test_sentences_name_places_and_digits() -> None:
    tokens = grids.parse(FOUR, QUESTION), grids.parse(FOUR, "3441124321344312")
    sentences = [one.sentence for one in violations(FOUR, *tokens)]
    assert sentences[0] == "Row 1, column 3 of the question was changed."
    assert sentences[1] == "The digit '4' stands 2 times in row 1."


def test_there_are_some_exactly_where_the_rules_say_no() -> None:
    rng = np.random.default_rng(1)
    right = grids.parse(FOUR, ANSWER)
    for _ in range(300):
        answer = right.copy()
        answer[rng.integers(0, 16, rng.integers(0, 3))] = rng.integers(0, 6)
        question = np.where(rng.random(16) < 0.5, right, 1).astype(np.int32)
        assert bool(violations(FOUR, question, answer)) is not rules.check(FOUR, question, answer)


MAZE = maze.spec_for(3, 4)
WAY = "S  #" + " #  " + "   G"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("S  #" + "o#  " + "oooG", []),
        ("S  #" + "o#  " + "oo G", [("path", (4, 8, 9))]),
        ("Soo#" + " #oo" + "   G", []),
        ("S  #" + "o   " + "oooG", [("given", (5,))]),
        ("S  #" + " #  " + "   G", [("path", ())]),
    ],
)
def test_mazes(answer: str, told: list[tuple[str, tuple[int, ...]]]) -> None:
    assert found(MAZE, WAY, answer) == told


def test_grids_have_no_rules() -> None:
    spec = PuzzleSpec(kind="grid", rows=1, cols=2, symbols=("a", "b"))
    assert found(spec, "ab", "ba") == []


@pytest.mark.parametrize("walls", ["S###" + "####" + "###G", "    " + " #  " + "   G"])
def test_a_maze_without_a_way_has_no_answer(walls: str) -> None:
    """Every answer to it is wrong, and saying so raises no error of the question's."""
    question = grids.parse(MAZE, walls)
    assert rules.check(MAZE, question, question) is False
    assert [one.rule for one in violations(MAZE, question, question)] == ["path"]
    with pytest.raises(DatasetError, match="1 of 1 rows hold an answer that is not one") as raised:
        require_right(MAZE, question[None], question[None])
    assert raised.value.problems[0].row == 1
