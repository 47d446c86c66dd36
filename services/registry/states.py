"""The states of a job, and the moves between them.

    queued ──claim──> running ──> succeeded | failed | cancelled
      │                  │
      │                  └──rescue, retry or release──> queued   (the next claim is a new attempt)
      └──cancel──> cancelled

A request to cancel a running job is not a state but a column, `cancel_requested_at`: it becomes `cancelled` when the
worker confirms it, or when the worker is lost.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class JobKind(StrEnum):
    """What a job asks for."""

    TRAIN = "train"
    SOLVE = "solve"


class JobStatus(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"  # waits for a worker
    RUNNING = "running"  # exactly one worker holds its lease
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # has an error code
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing changes the job any more."""
        return self in FINAL


class Outcome(StrEnum):
    """How one attempt at a job ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"  # the job failed with it
    CANCELLED = "cancelled"
    RETRIED = "retried"  # it failed, and the job went back to the queue
    RELEASED = "released"  # its worker was stopped in good order
    LOST = "lost"  # its worker fell silent


MOVES: Mapping[JobStatus, frozenset[JobStatus]] = MappingProxyType(
    {
        JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED}),
        JobStatus.RUNNING: frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.QUEUED}),
        JobStatus.SUCCEEDED: frozenset(),
        JobStatus.FAILED: frozenset(),
        JobStatus.CANCELLED: frozenset(),
    }
)
FINAL = frozenset(status for status, after in MOVES.items() if not after)


def can_move(before: JobStatus, after: JobStatus) -> bool:
    """Whether a job may go from one state to the other."""
    return after in MOVES[before]


def after_failure(attempt: int, max_attempts: int, *, cancel_requested: bool) -> JobStatus:
    """Where a job goes whose attempt broke down: back to the queue, unless cancelled or tried enough already."""
    if cancel_requested:
        return JobStatus.CANCELLED
    return JobStatus.QUEUED if attempt < max_attempts else JobStatus.FAILED


def backoff_seconds(attempt: int) -> float:
    """How long a job waits after its nth attempt broke down: 1, 2, 4 ... 60 s, so that a poisonous one harms little."""
    return float(min(2 ** (max(attempt, 1) - 1), 60))
