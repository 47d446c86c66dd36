"""The changes of a job's status: each obeys the table of moves, ends the attempt and leaves an event.

Every function takes the job's row locked in the caller's transaction.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from services.registry import announcements, job_events
from services.registry.base import Json
from services.registry.states import JobStatus, Outcome, can_move
from services.registry.tables import Job, JobAttempt


@dataclass(frozen=True)
class Failure:
    """Why something failed: a stable code and a sentence."""

    code: str
    message: str


def end(
    session: Session,
    job: Job,
    status: JobStatus,
    outcome: Outcome,
    *,
    failure: Failure | None = None,
    result: Json | None = None,
) -> None:
    """Move a job to a final status."""
    _end_attempt(session, job, outcome, failure)
    _check(job, status)
    job.status = status
    job.lease_token = job.lease_expires_at = None
    job.finished_at = func.now()
    job.version = Job.version + 1
    job.result = result
    if status is JobStatus.FAILED and failure is not None:
        job.error_code, job.error_message = failure.code, failure.message
    if status is JobStatus.CANCELLED:
        job.cancel_requested_at = func.coalesce(Job.cancel_requested_at, func.now())
    session.flush()
    job_events.append_to(session, job, [("done", {"status": status.value})])
    announcements.announce_end(session, job)


def requeue(
    session: Session, job: Job, outcome: Outcome, *, failure: Failure | None = None, delay_seconds: float = 0
) -> None:
    """Move a running job back to the queue, where nobody claims it before the delay has passed."""
    _end_attempt(session, job, outcome, failure)
    _check(job, JobStatus.QUEUED)
    job.status = JobStatus.QUEUED
    job.lease_token = job.lease_expires_at = job.worker = None
    job.available_at = func.now() + timedelta(seconds=delay_seconds)
    job.published_at = None
    job.version = Job.version + 1
    session.flush()
    event = {"attempt": job.attempt, "outcome": outcome.value, "code": failure.code if failure else None}
    job_events.append_to(session, job, [("queued", event)])


def _check(job: Job, after: JobStatus) -> None:
    if not can_move(job.status, after):
        raise ValueError(f"a job does not move from {job.status} to {after}")


def _end_attempt(session: Session, job: Job, outcome: Outcome, failure: Failure | None) -> None:
    if job.status is not JobStatus.RUNNING:
        return
    session.execute(
        update(JobAttempt)
        .where(JobAttempt.job_id == job.id, JobAttempt.attempt == job.attempt)
        .values(
            ended_at=func.now(),
            outcome=outcome,
            error_code=failure.code if failure else None,
            error_message=failure.message if failure else None,
            last_step=job.step,
        )
    )
