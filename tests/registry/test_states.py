"""The table of moves, and the pure decisions around it."""

import pytest

from services.registry.states import FINAL, MOVES, JobStatus, after_failure, backoff_seconds, can_move

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = JobStatus


def test_moves_are_exactly_these() -> None:
    moves = {(before, after) for before in JobStatus for after in JobStatus if can_move(before, after)}
    assert moves == {
        (QUEUED, RUNNING),
        (QUEUED, CANCELLED),
        (RUNNING, SUCCEEDED),
        (RUNNING, FAILED),
        (RUNNING, CANCELLED),
        (RUNNING, QUEUED),
    }


def test_every_status_is_in_the_table_and_final_ones_lead_nowhere() -> None:
    assert set(MOVES) == set(JobStatus)
    assert {SUCCEEDED, FAILED, CANCELLED} == FINAL
    assert [status.is_final for status in JobStatus] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("attempt", "cancel_requested", "expected"),
    [(1, False, QUEUED), (2, False, QUEUED), (3, False, FAILED), (1, True, CANCELLED), (3, True, CANCELLED)],
)
def test_where_a_broken_attempt_leads(attempt: int, cancel_requested: bool, expected: JobStatus) -> None:
    assert after_failure(attempt, 3, cancel_requested=cancel_requested) is expected


def test_pauses_grow_and_stay_bounded() -> None:
    assert [backoff_seconds(attempt) for attempt in (1, 2, 3, 4, 50)] == [1, 2, 4, 8, 60]
