"""The table of moves, and the pure decisions around it."""

import pytest

from services.registry.states import (
    FINAL,
    MOST_INTERRUPTIONS,
    TRANSITIONS,
    JobStatus,
    UncountedReason,
    after_failure,
    backoff_seconds,
    can_transition,
    why_uncounted,
)

QUEUED, RUNNING, PAUSED, SUCCEEDED, FAILED, CANCELLED = JobStatus


def test_moves_are_exactly_these() -> None:
    transitions = {(before, after) for before in JobStatus for after in JobStatus if can_transition(before, after)}
    assert transitions == {
        (QUEUED, RUNNING),
        (QUEUED, PAUSED),
        (QUEUED, CANCELLED),
        (QUEUED, FAILED),
        (RUNNING, SUCCEEDED),
        (RUNNING, FAILED),
        (RUNNING, CANCELLED),
        (RUNNING, QUEUED),
        (RUNNING, PAUSED),
        (PAUSED, QUEUED),
        (PAUSED, CANCELLED),
        (FAILED, QUEUED),
        (CANCELLED, QUEUED),
    }


def test_every_status_is_in_the_table_and_final_ones_lead_nowhere_but_to_a_retry() -> None:
    assert set(TRANSITIONS) == set(JobStatus)
    assert {SUCCEEDED, FAILED, CANCELLED} == FINAL
    assert [status.is_final for status in JobStatus] == [False, False, False, True, True, True]
    assert {status: TRANSITIONS[status] for status in FINAL} == {
        SUCCEEDED: set(),
        FAILED: {QUEUED},
        CANCELLED: {QUEUED},
    }


@pytest.mark.parametrize(
    ("attempt", "cancel", "pause", "expected"),
    [
        (1, False, False, QUEUED),
        (2, False, False, QUEUED),
        (3, False, False, FAILED),
        (1, True, False, CANCELLED),
        (3, True, False, CANCELLED),
        (1, False, True, PAUSED),
        (3, False, True, FAILED),
        (1, True, True, CANCELLED),
    ],
)
def test_where_a_broken_attempt_leads(attempt: int, cancel: bool, pause: bool, expected: JobStatus) -> None:
    assert after_failure(attempt, 3, cancel=cancel, pause=pause) is expected


def test_pauses_grow_and_stay_bounded() -> None:
    assert [backoff_seconds(attempt) for attempt in (1, 2, 3, 4, 50)] == [1, 2, 4, 8, 60]


@pytest.mark.parametrize(
    ("code", "interruptions", "progress", "expected"),
    [
        ("trainer_died", 0, False, None),
        ("trainer_died", 0, True, UncountedReason.PROGRESS),
        ("worker_lost", 0, False, UncountedReason.INFRASTRUCTURE),
        ("database_unavailable", 0, False, UncountedReason.INFRASTRUCTURE),
        ("schema_ahead", 0, False, UncountedReason.INFRASTRUCTURE),
        ("worker_lost", MOST_INTERRUPTIONS - 2, False, UncountedReason.INFRASTRUCTURE),
        ("worker_lost", MOST_INTERRUPTIONS - 1, False, None),
        ("worker_lost", MOST_INTERRUPTIONS - 1, True, UncountedReason.PROGRESS),
        ("device_unavailable", 0, False, None),
        ("internal_error", 0, False, None),
    ],
)
def test_which_attempts_count(code: str, interruptions: int, progress: bool, expected: UncountedReason | None) -> None:
    assert why_uncounted(code, interruptions, progress=progress) is expected
