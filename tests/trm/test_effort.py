"""Test-time reasoning: more steps, halting rules, rollouts, views, and how the answer is chosen."""

import numpy as np
import pytest
from pydantic import ValidationError

from trm.config.model import ModelConfig
from trm.errors import ConfigError
from trm.interface.effort import Effort
from trm.interface.solution import Solution, SolveStep
from trm.puzzles.datasets.datasets import spec_of
from trm.puzzles.puzzle_set import PuzzleSet
from trm.solving.solver import Solver


def solved(solutions: list[Solution], puzzles: PuzzleSet) -> int:
    return sum(np.array_equal(s.tokens, a) for s, a in zip(solutions, puzzles.answers, strict=True))


def test_one_chain_is_the_plain_loop(solver: Solver, puzzles: PuzzleSet) -> None:
    for solution in solver.solve_tokens(puzzles.questions[:5]):
        assert (solution.reason, solution.chosen_by, solution.chain) == ("budget", "only", 0)
        assert (solution.votes, solution.chains, solution.total_steps) == (1, 1, 16)


def test_more_steps_than_trained_are_taken(solver: Solver, puzzles: PuzzleSet) -> None:
    assert {s.steps for s in solver.solve_tokens(puzzles.questions[:3], Effort(max_steps=40))} == {40}


def test_a_stable_answer_stops_after_that_many_equal_ones(solver: Solver, puzzles: PuzzleSet) -> None:
    traced = solver.solve_tokens(puzzles.questions, Effort(stable_steps=2), keep_trace=True)
    assert any(s.reason == "stable" for s in traced)
    for solution in traced:
        answers = [step.tokens.tolist() for step in solution.trace or ()]
        same = [a == b == c for a, b, c in zip(answers, answers[1:], answers[2:], strict=False)]
        assert not any(same[:-1])
        assert (solution.reason == "stable") == same[-1]


def test_until_verified_stops_at_the_first_answer_that_obeys_the_rules(solver: Solver, puzzles: PuzzleSet) -> None:
    traced = solver.solve_tokens(puzzles.questions, Effort(until_verified=True, max_steps=24), keep_trace=True)
    assert {s.reason for s in traced} == {"verified", "budget"}
    for solution in traced:
        verdicts = [step.verified for step in solution.trace or ()]
        assert not any(verdicts[:-1])
        assert verdicts[-1] == solution.verified == (solution.reason == "verified")
        assert solution.steps == (len(verdicts) if solution.verified else 24)


def test_rollouts_and_views_solve_more_and_say_who_won(solver: Solver, puzzles: PuzzleSet) -> None:
    plain = solved(solver.solve_tokens(puzzles.questions), puzzles)
    efforts = {
        "best": Effort(rollouts=6, noise=0.5),
        "votes": Effort(views=6, choose="votes"),
        "until_verified": Effort(rollouts=4, views=3, noise=0.5, until_verified=True),
    }
    found = {name: solver.solve_tokens(puzzles.questions, effort) for name, effort in efforts.items()}
    counts = {name: solved(solutions, puzzles) for name, solutions in found.items()}
    assert 0 < plain < len(puzzles)
    assert min(counts["votes"], counts["until_verified"]) > plain
    assert all(s.chosen_by == "halt_probability" and s.chains == 6 for s in found["best"])
    assert all(s.chosen_by == "votes" and 1 <= s.votes <= 6 for s in found["votes"])
    assert all(s.verified == (s.chosen_by == "verified") for s in found["until_verified"])


def test_votes_count_equal_answers_after_mapping_back(solver: Solver, puzzles: PuzzleSet) -> None:
    """A puzzle that the model solves in every view gets every view's vote."""
    solutions = solver.solve_tokens(puzzles.questions, Effort(views=5, choose="votes"))
    unanimous = [s for s in solutions if s.votes == 5]
    assert unanimous
    assert all(s.verified for s in unanimous)


def test_halt_first_takes_the_chain_that_halts_first(solver: Solver, puzzles: PuzzleSet) -> None:
    threshold = float(np.median([s.halt_probability for s in solver.solve_tokens(puzzles.questions)]))
    first = solver.solve_tokens(puzzles.questions, Effort(views=4, halt_threshold=threshold, choose="first"))
    waited = solver.solve_tokens(puzzles.questions, Effort(views=4, halt_threshold=threshold))
    assert any(s.chosen_by == "first" for s in first)
    assert sum(s.total_steps for s in first) < sum(s.total_steps for s in waited)
    for one in first:
        if one.chosen_by == "first":
            assert one.halt_probability >= threshold
            assert one.total_steps == 4 * one.steps  # no chain went on after it


def test_best_is_the_most_confident_chain(solver: Solver, puzzles: PuzzleSet) -> None:
    last: dict[tuple[int, int], float] = {}

    def note(step: SolveStep) -> None:
        last[step.index, step.chain] = step.halt_probability

    solutions = solver.solve_tokens(puzzles.questions[:8], Effort(rollouts=3, noise=0.5), on_step=note)
    for i, solution in enumerate(solutions):
        assert solution.halt_probability == max(last[i, chain] for chain in range(3)) == last[i, solution.chain]


def test_a_puzzle_does_not_notice_its_neighbours(solver: Solver, puzzles: PuzzleSet) -> None:
    effort = Effort(rollouts=3, views=2, noise=0.3, halt_threshold=0.6)
    together = solver.solve_tokens(puzzles.questions[:9], effort)
    apart = [solver.solve_tokens(puzzles.questions[i : i + 1], effort)[0] for i in range(9)]
    assert [s.tokens.tolist() for s in together] == [s.tokens.tolist() for s in apart]
    assert [(s.chain, s.steps, s.votes) for s in together] == [(s.chain, s.steps, s.votes) for s in apart]


def test_the_seed_decides_the_noise(solver: Solver, puzzles: PuzzleSet) -> None:
    runs = [
        [s.halt_probability for s in solver.solve_tokens(puzzles.questions[:4], Effort(noise=0.5, seed=seed))]
        for seed in (0, 0, 1)
    ]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize(
    "settings",
    [
        {"until_verified": True, "halt_threshold": 0.5},
        {"choose": "first"},
        {"rollouts": 100, "views": 100},
        {"max_steps": 0},
        {"surprise": 1},
    ],
)
def test_contradictions_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Effort.model_validate(settings)


def test_more_views_than_symmetries_are_refused() -> None:
    maze = spec_of("maze-hard")
    Effort(views=8).require_possible(maze, ModelConfig())
    with pytest.raises(ConfigError, match="8 symmetric views"):
        Effort(views=9).require_possible(maze, ModelConfig())
    with pytest.raises(ConfigError, match="1 symmetric views"):
        Effort(views=2).require_possible(spec_of("arc-1"), ModelConfig())


def test_equal_rollouts_are_refused(solver: Solver, puzzles: PuzzleSet) -> None:
    with pytest.raises(ConfigError, match="noise"):
        solver.solve_tokens(puzzles.questions[:1], Effort(rollouts=2))
