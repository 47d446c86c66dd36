"""Votes on ARC answers, counted by hand."""

import json

import numpy as np
import pytest

from trm.errors import ConfigError, DatasetError, PuzzleError
from trm.puzzles.arc.rows import RowKey, evaluation_rows
from trm.puzzles.arc.sets import Subset, assemble
from trm.puzzles.arc.variants import Variant
from trm.puzzles.arc.votes import PASS_AT, Ballot
from trm.puzzles.arc_files import load_shipped
from trm.puzzles.arc_grids import Grid, Pair, Task, encode

EMPTY = np.ones(900, dtype=np.int32)


def grid(*rows: str) -> Grid:
    return np.array([[int(c) for c in row] for row in rows], dtype=np.uint8)


A, B, C = grid("12", "34", "56"), grid("1"), grid("120", "340")
TASKS = (
    Task("one", (Pair(A, A),), (Pair(A, A),)),
    Task("two", (Pair(A, A),), (Pair(A, B), Pair(B, C))),
)
MIRRORED = Variant(3, (0, 9, 8, 7, 6, 5, 4, 3, 2, 1))


def vote(ballot: Ballot, task: str, pair: int, answer: Grid, halt: float = 0.5, variant: Variant | None = None) -> None:
    """A prediction of the grid as its variant would show it."""
    variant = variant or Variant()
    ballot.cast("checkpoint-1", RowKey(task, pair, variant), encode(variant.apply(answer)), halt)


def ranking(ballot: Ballot, task: str, pair: int) -> list[list[list[int]]]:
    return [candidate.grid.tolist() for candidate in ballot.rank(task, pair)]


def test_variants_vote_for_the_same_answer_once_turned_back() -> None:
    ballot = Ballot(TASKS)
    vote(ballot, "one", 0, A, 0.2)
    vote(ballot, "one", 0, A, 0.4, MIRRORED)
    (candidate,) = ballot.rank("one", 0)
    assert np.array_equal(candidate.grid, A)
    assert candidate.votes == 2
    assert candidate.halt_probability == pytest.approx(0.3)


def test_votes_come_before_halt_probability_and_that_before_appearance() -> None:
    ballot = Ballot(TASKS)
    for answer, halt in ((C, 0.3), (B, 0.9), (A, 0.1), (A, 0.1)):
        vote(ballot, "one", 0, answer, halt)
    assert ranking(ballot, "one", 0) == [A.tolist(), B.tolist(), C.tolist()]
    vote(ballot, "two", 0, C)
    vote(ballot, "two", 0, B)
    assert ranking(ballot, "two", 0) == [C.tolist(), B.tolist()]


def test_pass_at_is_a_mean_over_tasks_of_shares_of_pairs() -> None:
    ballot = Ballot(TASKS)
    for answer in (B, B, A):
        vote(ballot, "one", 0, answer)
    vote(ballot, "two", 0, B)
    assert ballot.pass_at(1) == pytest.approx((0 + 1 / 2) / 2)
    assert ballot.pass_at(2) == pytest.approx((1 + 1 / 2) / 2)
    assert list(ballot.scores()) == list(PASS_AT)
    with pytest.raises(ConfigError, match="1 or more"):
        ballot.pass_at(0)


def test_equal_cells_in_another_shape_are_another_answer() -> None:
    ballot = Ballot(TASKS)
    vote(ballot, "one", 0, A.reshape(2, 3))
    assert ballot.pass_at(1000) == 0


def test_answers_that_are_not_known_are_not_scored() -> None:
    half = Task("half", (Pair(A, A),), (Pair(A, None), Pair(A, A)))
    none = Task("none", (Pair(A, A),), (Pair(A, None),))
    ballot = Ballot((half, none))
    vote(ballot, "half", 1, A)
    assert ballot.pass_at(1) == 1
    with pytest.raises(DatasetError, match="No test pair has a known answer"):
        Ballot((none,)).pass_at(1)


def test_an_empty_prediction_is_a_vote_for_nothing() -> None:
    ballot = Ballot(TASKS)
    ballot.cast("checkpoint-1", RowKey("one", 0, MIRRORED), EMPTY, 0.9)
    ballot.cast("checkpoint-1", RowKey("one", 0, Variant()), EMPTY, 0.9)
    vote(ballot, "one", 0, A)
    first, second = ballot.rank("one", 0)
    assert (first.grid.shape, first.votes, second.votes) == ((0, 0), 2, 1)
    assert (ballot.pass_at(1), ballot.pass_at(2)) == (0, 0.5)
    assert ballot.submission()["one"] == [{"attempt_1": A.tolist(), "attempt_2": A.tolist()}]


def test_the_submission_has_two_attempts_for_every_pair() -> None:
    ballot = Ballot(TASKS)
    for answer in (A, A, B, B, B, C):
        vote(ballot, "one", 0, answer)
    vote(ballot, "two", 1, C)
    submission = json.loads(json.dumps(ballot.submission()))
    assert submission == {
        "one": [{"attempt_1": B.tolist(), "attempt_2": A.tolist()}],
        "two": [
            {"attempt_1": [[0]], "attempt_2": [[0]]},
            {"attempt_1": C.tolist(), "attempt_2": C.tolist()},
        ],
    }


def test_a_second_checkpoint_is_refused_unless_an_ensemble_is_meant() -> None:
    key, prediction = RowKey("one", 0, Variant()), encode(A)
    ballot, ensemble = Ballot(TASKS), Ballot(TASKS, ensemble=True)
    for source in ("a", "a"):
        ballot.cast(source, key, prediction, 0.5)
    with pytest.raises(ConfigError, match="an ensemble of checkpoints, not a model"):
        ballot.cast("b", key, prediction, 0.5)
    assert ballot.rank("one", 0)[0].votes == 2
    for source in ("a", "b"):
        ensemble.cast(source, key, prediction, 0.5)
    assert ensemble.rank("one", 0)[0].votes == 2
    assert ensemble.sources == {"a", "b"}


@pytest.mark.parametrize(("task", "pair"), [("three", 0), ("one", 1), ("one", -1)])
def test_unknown_pairs_are_refused(task: str, pair: int) -> None:
    with pytest.raises(PuzzleError, match="There is no test pair"):
        vote(Ballot(TASKS), task, pair, A)


@pytest.mark.parametrize("halt", [float("nan"), -0.1, 1.1])
def test_impossible_probabilities_are_refused(halt: float) -> None:
    with pytest.raises(PuzzleError, match="is not a probability"):
        vote(Ballot(TASKS), "one", 0, A, halt)


def test_right_predictions_for_all_rows_solve_every_task() -> None:
    tasks = load_shipped("arc-agi-2")["evaluation"][:10]
    rows = evaluation_rows(assemble("s", [Subset(tasks, held_out=True)], variants=4), 3)
    ballot, puzzles = Ballot(tasks), rows.puzzles()
    halves = (slice(0, 20), slice(20, None))
    for part in halves:
        answers = puzzles.answers[part]
        ballot.cast_rows("checkpoint-1", rows, answers, np.full(len(answers), 0.5), start=part.start)
    assert set(ballot.scores().values()) == {1.0}
    assert all(ballot.rank(task.name, 0)[0].votes == 3 for task in tasks)
