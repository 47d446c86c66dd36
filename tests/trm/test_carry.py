"""Thinking on: a solve that continues from its carry is, bit for bit, one that was given all the steps at once."""

from dataclasses import astuple, replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trm.config.cost import carry_bytes
from trm.config.model import ModelConfig
from trm.errors import CarryInvalid
from trm.interface.effort import Effort
from trm.interface.solution import Solution
from trm.network.model import TinyRecursiveModel
from trm.puzzles.puzzle_set import PuzzleSet
from trm.solving.carry import Carry
from trm.solving.loading import load
from trm.solving.solver import Solver

CPU = torch.device("cpu")
SUDOKU = (
    "1....6......7....4.7..8.3.1..7......3...7.2.8.28..9......4...5..3.........1.2.7.3"  # not solved within 34 steps
)


def solve(
    solver: Solver, questions: NDArray[np.int32], effort: Effort, carries: list[Carry] | None = None
) -> tuple[list[Solution], list[Carry]]:
    """Solutions with their traces, and the carries that were left, in the order of the questions."""
    left: dict[int, Carry] = {}
    found = solver.solve_tokens(questions, effort, keep_trace=True, on_carry=left.__setitem__, carries=carries)
    return found, [left[i] for i in range(len(questions))]


def said(solution: Solution) -> tuple[Any, ...]:
    """Everything that a solution says but its trace, comparable."""
    return astuple(replace(solution, question=solution.question.tolist(), tokens=solution.tokens.tolist(), trace=None))


def steps_of(solution: Solution) -> list[tuple[Any, ...]]:
    return [
        (s.step, s.tokens.tolist(), s.halt_probability, s.changed_cells, s.verified, s.halted)
        for s in solution.trace or ()
    ]


def require_same(one: Carry, other: Carry) -> None:
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


EFFORTS = [
    {},
    {"rollouts": 2, "noise": 0.4},
    {"rollouts": 2, "views": 2, "noise": 0.4, "choose": "votes", "seed": 7},
    {"until_verified": True, "views": 3},
]


@pytest.mark.parametrize("effort", EFFORTS, ids=str)
def test_continued_is_the_same_as_all_at_once(solver: Solver, puzzles: PuzzleSet, effort: dict[str, Any]) -> None:
    few = puzzles.questions[:4]
    whole, last = solve(solver, few, Effort(max_steps=9, **effort))
    begun, carries = solve(solver, few, Effort(max_steps=2, **effort))
    further, carries = solve(
        solver, few, Effort(max_steps=5, **effort), [Carry.from_bytes(c.to_bytes()) for c in carries]
    )
    ended, carries = solve(solver, few, Effort(max_steps=9, **effort), carries)
    assert [said(solution) for solution in ended] == [said(solution) for solution in whole]
    for one, other in zip(carries, last, strict=True):
        require_same(one, other)
    for i, solution in enumerate(whole):
        if solution.steps == 9 and len({part[i].chain for part in (begun, further, ended)}) == 1:
            assert [*steps_of(begun[i])[:-1], *steps_of(further[i])[:-1], *steps_of(ended[i])] == [
                step for step in steps_of(solution) if step[0] not in (2, 5)
            ]


def test_a_search_with_restarts_and_guesses_continues_as_if_it_had_not_stopped() -> None:
    """The shipped model, one processor: every guess and every fresh start is drawn again as it would have been."""
    solver = load("sudoku", "cpu")
    _, question = solver.parse(SUDOKU)
    search: dict[str, Any] = {"until_verified": True, "restart_steps": 8, "guess_every": 2}
    [whole], [last] = solve(solver, question[None], Effort(max_steps=34, **search))
    _, carries = solve(solver, question[None], Effort(max_steps=21, **search))
    assert (carries[0].inputs[0].numpy() != question).any()  # in the third round it guesses
    [ended], [carry] = solve(solver, question[None], Effort(max_steps=34, **search), carries)
    assert said(ended) == said(whole)
    assert steps_of(ended) == steps_of(whole)[21:]
    require_same(carry, last)


def test_another_halting_rule_holds_from_where_the_carry_was_taken(solver: Solver, puzzles: PuzzleSet) -> None:
    few = puzzles.questions[:16]
    sure = float(np.median([found.halt_probability for found in solve(solver, few, Effort(max_steps=1))[0]]))
    at_once, _ = solve(solver, few, Effort(max_steps=8, halt_threshold=sure))
    early, carries = solve(solver, few, Effort(max_steps=8, halt_threshold=0.0))
    ended, _ = solve(solver, few, Effort(max_steps=8, halt_threshold=sure), carries)
    assert any(first.steps < last.steps for first, last in zip(early, ended, strict=True))
    for one, other in zip(ended, at_once, strict=True):
        assert (one.tokens.tolist(), one.steps, one.reason) == (other.tokens.tolist(), other.steps, other.reason)
        assert one.halt_probability == pytest.approx(other.halt_probability, rel=1e-4)  # batches differ in size


def test_what_the_effort_stops_at_once_makes_no_step(solver: Solver, puzzles: PuzzleSet) -> None:
    few = puzzles.questions[:8]
    first, carries = solve(solver, few, Effort(max_steps=4, views=2))
    before = solver.engine.steps
    again, left = solve(solver, few, Effort(max_steps=4, views=2), carries)
    assert solver.engine.steps == before
    assert [said(solution) for solution in again] == [said(solution) for solution in first]
    assert [solution.trace for solution in again] == [()] * 8
    for one, other in zip(left, carries, strict=True):
        require_same(one, other)


def test_a_carry_of_another_number_of_chains_is_refused(solver: Solver, puzzles: PuzzleSet) -> None:
    _, carries = solve(solver, puzzles.questions[:1], Effort(max_steps=2, views=2))
    with pytest.raises(CarryInvalid, match="3 chains each"):
        solve(solver, puzzles.questions[:1], Effort(max_steps=4, views=3), carries)


def test_a_carry_of_another_model_is_refused(solver: Solver, puzzles: PuzzleSet) -> None:
    config = solver.config.model_copy(update={"model": solver.config.model.model_copy(update={"hidden_size": 24})})
    other = Solver(TinyRecursiveModel(config.model, config.puzzle), config, CPU)
    _, carries = solve(other, puzzles.questions[:1], Effort(max_steps=2))
    with pytest.raises(CarryInvalid, match="another model's: its y"):
        solve(solver, puzzles.questions[:1], Effort(max_steps=4), carries)
    assert len(solve(solver, puzzles.questions[:1], Effort(max_steps=1))[0]) == 1  # no harm is done to others


def test_a_damaged_carry_is_refused(solver: Solver, puzzles: PuzzleSet) -> None:
    _, [carry] = solve(solver, puzzles.questions[:1], Effort(max_steps=1))
    for data in (b"", carry.to_bytes()[:-4], b"\x80\x04N.", Carry.to_bytes(carry).replace(b'"steps"', b'"stept"')):
        with pytest.raises(CarryInvalid, match="cannot be read"):
            Carry.from_bytes(data)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_carry_that_is_not_finite_is_refused(solver: Solver, puzzles: PuzzleSet, value: float) -> None:
    _, [carry] = solve(solver, puzzles.questions[:1], Effort(max_steps=1))
    carry.z[0, 0, 0] = value
    with pytest.raises(CarryInvalid, match=r"The tensor z in it .* infinite or not a number"):
        Carry.from_bytes(carry.to_bytes())


MODELS: dict[str, dict[str, Any]] = {
    "prefix": {"prefix_tokens": 16},
    "several latents": {"prefix_tokens": 1, "latents": "multi_scale", "latent_steps": 3},
    "hypotheses": {"prefix_tokens": 0, "hypotheses": 2},
    "a token for each candidate": {"prefix_tokens": 0, "mixer": "units"},
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_size_of_a_carry_is_known_before(solver: Solver, puzzles: PuzzleSet, model: dict[str, Any]) -> None:
    config = solver.config.model_copy(update={"model": ModelConfig(hidden_size=64, layers=1, recursions=1, **model)})
    other = Solver(TinyRecursiveModel(config.model, config.puzzle), config, CPU)
    _, [carry] = solve(other, puzzles.questions[:1], Effort(max_steps=1, views=2))
    expected = 2 * carry_bytes(config.model, config.puzzle)
    assert 0.8 * expected < len(carry.to_bytes()) <= expected
