"""The states of a job, and the moves between them.

    queued ──claim──> running ──> succeeded | failed | cancelled
      │                  ├──rescue, retry or release──> queued   (the next claim is a new attempt)
      │                  └──release──> paused
      ├──pause──> paused ──resume──> queued
      ├──cancel──> cancelled     (a paused job too)
      └──expiry──> failed
    failed | cancelled ──its owner's retry──> queued

A request to cancel or to pause a running job is not a state but a column, `cancel_requested_at` or
`pause_requested_at`: it becomes `cancelled` or `paused` when the worker confirms it, or when the worker is lost.
Nothing but its owner's retry leads out of a final state, and from `succeeded` nothing at all.
"""

from collections.abc import Mapping
from enum import StrEnum

from services.registry.errors import (
    BrokerUnavailable,
    DatabaseUnavailable,
    SchemaAhead,
    SchemaBehind,
    StorageUnavailable,
    WorkerLost,
)
from trm.errors import StorageFull


class JobKind(StrEnum):
    """Kind of a job."""

    TRAIN = "train"
    SOLVE = "solve"
    EVALUATE = "evaluate"  # by solve workers


class JobStatus(StrEnum):
    """Status of a job."""

    QUEUED = "queued"  # waits for a worker
    RUNNING = "running"  # exactly one worker holds its lease
    PAUSED = "paused"  # waits for its owner to resume it
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # has an error code
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended: from then on only its owner's retry changes it."""
        return self in FINAL


class Outcome(StrEnum):
    """How one attempt at a job ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"  # the job failed with it
    CANCELLED = "cancelled"
    RETRIED = "retried"  # it failed, and the job went back to the queue
    RELEASED = "released"  # its worker was stopped cleanly
    LOST = "lost"  # its worker stopped responding


class UncountedReason(StrEnum):
    """Why an attempt that did not bring the job to its end does not count against its limit."""

    PROGRESS = "progress"  # it left a newer checkpoint
    INFRASTRUCTURE = "infrastructure"  # the fault was not the job's
    RELEASED = "released"  # its worker was stopped cleanly, or the job is to pause


# Faults of what the job runs on; every other one counts, since the job itself may be its cause.
INFRASTRUCTURE = frozenset(
    {
        WorkerLost.code,
        DatabaseUnavailable.code,
        BrokerUnavailable.code,
        StorageUnavailable.code,
        StorageFull.code,
        SchemaBehind.code,  # code and schema differ in version during a deployment
        SchemaAhead.code,
    }
)
MOST_INTERRUPTIONS = 20  # by the infrastructure, in a row and without progress: then the job fails nevertheless


TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.PAUSED, JobStatus.CANCELLED, JobStatus.FAILED}),
    JobStatus.RUNNING: frozenset(set(JobStatus) - {JobStatus.RUNNING}),
    JobStatus.PAUSED: frozenset({JobStatus.QUEUED, JobStatus.CANCELLED}),
    JobStatus.SUCCEEDED: frozenset(),
    JobStatus.FAILED: frozenset({JobStatus.QUEUED}),
    JobStatus.CANCELLED: frozenset({JobStatus.QUEUED}),
}
FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED})


def can_transition(before: JobStatus, after: JobStatus) -> bool:
    """Whether a job may go from one state to the other."""
    return after in TRANSITIONS[before]


def why_uncounted(code: str, interruptions: int, *, progress: bool) -> UncountedReason | None:
    """Why an attempt that a fault has ended does not count, after so many interruptions in a row; none when it does."""
    if progress:
        return UncountedReason.PROGRESS
    interrupted = code in INFRASTRUCTURE and interruptions + 1 < MOST_INTERRUPTIONS
    return UncountedReason.INFRASTRUCTURE if interrupted else None


def after_failure(attempt: int, max_attempts: int, *, cancel: bool, pause: bool = False) -> JobStatus:
    """Status after a failed attempt: failed when no attempts are left, else as after a release."""
    if not cancel and attempt >= max_attempts:
        return JobStatus.FAILED
    return after_release(cancel=cancel, pause=pause)


def after_release(*, cancel: bool, pause: bool) -> JobStatus:
    """Status after a released attempt, by what the owner has requested."""
    if cancel:
        return JobStatus.CANCELLED
    return JobStatus.PAUSED if pause else JobStatus.QUEUED


def backoff_seconds(attempt: int) -> float:
    """Delay after the nth attempt in a row without progress: 1, 2, 4 ... 60 s."""
    return float(min(2 ** (max(attempt, 1) - 1), 60))
