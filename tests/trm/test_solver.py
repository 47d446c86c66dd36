"""The solver: budgets, halting, traces, and the same answers however puzzles are batched."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trm.errors import PuzzleError
from trm.interface.effort import Effort
from trm.interface.solution import SolveStep
from trm.puzzles import grids
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.rules import check
from trm.puzzles.spec import PuzzleSpec
from trm.solving.solver import Solver
from trm.training.trainer import Trainer


@pytest.fixture
def solver(trainer: Trainer, tmp_path: Path) -> Solver:
    for _ in range(3):
        trainer.update()
    return Solver.load(trainer.state.save(tmp_path).path, "cpu")


def test_without_a_threshold_every_puzzle_takes_the_whole_budget(solver: Solver, test_set: PuzzleSet) -> None:
    solutions = solver.solve_tokens(test_set.questions)
    assert [s.steps for s in solutions] == [4] * len(test_set.questions)
    assert not any(s.halted for s in solutions)
    assert [s.steps for s in solver.solve_tokens(test_set.questions[:3], Effort(max_steps=7))] == [7] * 3


def test_a_reached_threshold_ends_thinking(solver: Solver, test_set: PuzzleSet) -> None:
    [solution] = solver.solve_tokens(test_set.questions[:1], Effort(halt_threshold=0.0))
    assert (solution.steps, solution.halted) == (1, True)


def test_puzzles_that_halt_early_answer_as_at_that_step(solver: Solver, test_set: PuzzleSet) -> None:
    traces = [s.trace or () for s in solver.solve_tokens(test_set.questions, keep_trace=True)]
    threshold = float(np.median([t[1].halt_probability for t in traces]))
    for trace, solution in zip(
        traces, solver.solve_tokens(test_set.questions, Effort(halt_threshold=threshold)), strict=True
    ):
        expected = next((t for t in trace if t.halt_probability >= threshold), trace[-1])
        assert solution.steps == expected.step
        assert np.array_equal(solution.tokens, expected.tokens)


def test_steps_are_told_as_they_happen(solver: Solver, test_set: PuzzleSet) -> None:
    told: list[SolveStep] = []
    [solution] = solver.solve_tokens(test_set.questions[:1], on_step=told.append, keep_trace=True)
    assert [step.step for step in told] == [1, 2, 3, 4]
    assert solution.trace == tuple(told)
    assert told[-1].halted
    question = test_set.questions[0]
    assert told[0].changed_cells == tuple(np.flatnonzero(told[0].tokens != question).tolist())
    assert solution.verified == check(solver.spec, question, solution.tokens)


def test_an_answer_is_given_in_symbols_and_numbers(solver: Solver, test_set: PuzzleSet) -> None:
    [solution] = solver.solve_tokens(test_set.answers[:1], Effort(max_steps=1))
    assert solution.answer == grids.text(solver.spec, solution.tokens)
    assert ["".join(row) for row in solution.board] == [solution.answer[i : i + 4] for i in range(0, 16, 4)]
    right = replace(solution, tokens=test_set.answers[0])
    assert "".join(map(str, right.digits.ravel())) == right.answer == grids.text(solver.spec, test_set.answers[0])
    blank = replace(solution, tokens=test_set.questions[0])
    assert (blank.digits == 0).sum() == (test_set.questions[0] == 1).sum()
    maze = PuzzleSpec(kind="maze", rows=1, cols=2, symbols=("#", " ", "S", "G", "o"))
    with pytest.raises(PuzzleError, match="not numbers"):
        _ = replace(solution, spec=maze, tokens=np.array([3, 4], np.int32)).digits
    numbers = PuzzleSpec(kind="grid", rows=1, cols=2, symbols=("-1", "12"))
    assert replace(solution, spec=numbers, tokens=np.array([1, 2], np.int32)).digits.tolist() == [[-1, 12]]
