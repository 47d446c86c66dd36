"""An audit finds what was put wrong on purpose, by row number."""

from dataclasses import replace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from trm.cli.audit import audit as command
from trm.errors import DatasetError
from trm.puzzles.datasets.audit import audit
from trm.puzzles.datasets.datasets import load
from trm.puzzles.maze import PATH, solve
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.sudoku import BLANK
from trm.puzzles.symmetries.symmetry import random_symmetry, views

SMALL = load("sudoku-4x4", "train")


def joined(puzzles: PuzzleSet, questions: list[np.ndarray], answers: list[np.ndarray]) -> PuzzleSet:
    return PuzzleSet(puzzles.spec, np.stack([*puzzles.questions, *questions]), np.stack([*puzzles.answers, *answers]))


def test_a_test_puzzle_that_is_a_turned_training_puzzle_is_found() -> None:
    hard = load("sudoku-extreme-1k", "train")
    turn = random_symmetry(hard.spec, np.random.default_rng(4))
    test = joined(hard.select(np.arange(20, 30)), [turn.apply(hard.questions[3])], [turn.apply(hard.answers[3])])
    report = audit(hard.take(20), test, solve=2)
    assert report.shared == ((11, 4),)
    assert not report.clean
    assert report.sentences()[0].startswith(
        "1 test puzzle (9.1%) is equivalent to a training puzzle: row 11 of test and row 4"
    )


def test_repeated_and_equivalent_rows_of_a_split_are_told_apart() -> None:
    turn = views(SMALL.spec, 2, seed=1)[1]
    train = joined(
        SMALL.take(10),
        [SMALL.questions[2], turn.apply(SMALL.questions[5])],
        [SMALL.answers[2], turn.apply(SMALL.answers[5])],
    )
    report = audit(train, SMALL.select(np.arange(20, 30)))
    assert report.train.repeated == (11,)
    assert report.train.equivalent == (12,)
    assert (report.test.repeated, report.test.equivalent, report.shared) == ((), (), ())


def test_puzzles_with_several_answers_or_a_wrong_one_are_found() -> None:
    blank, other = np.full(16, BLANK, dtype=np.int32), SMALL.answers[0].copy()
    other[0] = 2 + (other[0] - 1) % 4
    report = audit(
        joined(SMALL.take(5), [blank, SMALL.questions[40]], [SMALL.answers[0], other]), SMALL.select(np.arange(50, 60))
    )
    assert report.train.ambiguous == (6,)
    assert report.train.wrong == (7,)
    assert any("train: 1 puzzle with more than one answer: row 6." in s for s in report.sentences())


def test_a_clean_data_set_is_called_clean() -> None:
    report = audit(load("sudoku-6x6", "train").take(200), load("sudoku-6x6", "test").take(200), solve=50)
    assert report.clean
    assert report.sentences()[0] == "No test puzzle is equivalent to a training puzzle."
    assert report.train.searched == 50
    assert report.train.givens is not None
    assert report.train.givens[0] <= report.train.givens[1] <= report.train.givens[2] < 1


def test_mazes_off_the_rule_and_wrong_ones_are_found() -> None:
    mazes = load("maze-hard", "train").take(20)
    view = views(mazes.spec, 8, 0)[1]
    turned = view.apply(mazes.answers[0])
    assert not np.array_equal(turned, solve(mazes.spec, view.apply(mazes.questions[0])))
    cut = mazes.answers[15].copy()
    cut[np.flatnonzero(cut == PATH)[0]] = 2
    test = joined(mazes.select(np.arange(10, 12)), [view.apply(mazes.questions[0]), mazes.questions[15]], [turned, cut])
    report = audit(mazes.take(10), test)
    assert (report.test.off_rule, report.test.wrong, report.shared) == ((3,), (4,), ((3, 1),))
    assert report.train.off_rule == ()


def test_unknown_symmetries_are_admitted_and_unused_symbols_named() -> None:
    grid = replace(
        SMALL.take(4), spec=SMALL.spec.model_copy(update={"kind": "grid", "box": None, "symbols": (*".1234", "x")})
    )
    report = audit(grid, grid)
    assert "Only equality was checked" in report.sentences()[-1]
    assert report.train.unused == ("x",)
    assert len(report.shared) == 4
    with pytest.raises(DatasetError, match="Audit splits of one data set"):
        audit(SMALL, grid)


def test_the_command_prints_the_findings() -> None:
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, ["sudoku-4x4", "--against", "validation", "--solve", "10"])
    assert result.exit_code == 0
    assert "No test puzzle is equivalent to a training puzzle." in result.stdout
    assert "train: only the first 10 puzzles were solved." in result.stdout
