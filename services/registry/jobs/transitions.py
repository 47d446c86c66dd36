"""The changes of a job's status: each obeys the table of moves, ends the attempt and leaves an event.

Every function takes the job's row locked in the caller's transaction.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, update
from sqlalchemy.orm import Session

from services.registry.db.base import Json
from services.registry.db.tables import Job, JobAttempt
from services.registry.jobs import job_events
from services.registry.states import JobStatus, Outcome, UncountedReason, can_transition
from services.registry.webhooks import announcements


@dataclass(frozen=True)
class Failure:
    """Why something failed: a stable code and a sentence."""

    code: str
    message: str


@dataclass(frozen=True)
class AttemptEnd:
    """How the attempt at a job ended that is not at its end."""

    outcome: Outcome
    failure: Failure | None = None
    uncounted: UncountedReason | None = None

    @property
    def told(self) -> Json:
        """What the event says of it."""
        return {
            "outcome": self.outcome.value,
            "code": self.failure.code if self.failure else None,
            "uncounted": self.uncounted.value if self.uncounted else None,
        }


RELEASED = AttemptEnd(Outcome.RELEASED, uncounted=UncountedReason.RELEASED)


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
    _end_attempt(session, job, AttemptEnd(outcome, failure))
    _check(job, status)
    job.status = status
    _let_go(job)
    job.expires_at = job.pause_requested_at = None
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


def requeue(session: Session, job: Job, end: AttemptEnd, delay_seconds: float = 0) -> None:
    """Move a running job back to the queue, where no worker claims it before the delay has passed."""
    _end_attempt(session, job, end)
    _check(job, JobStatus.QUEUED)
    _queue(job, delay_seconds)
    session.flush()
    job_events.append_to(session, job, [("queued", {"attempt": job.attempt, **end.told})])


def pause(session: Session, job: Job, end: AttemptEnd = RELEASED) -> None:
    """Set a queued job aside, or a running one whose attempt ends like this, until its owner resumes it."""
    _end_attempt(session, job, end)
    _check(job, JobStatus.PAUSED)
    was_running = job.status is JobStatus.RUNNING
    job.status = JobStatus.PAUSED
    _let_go(job)
    job.worker = job.expires_at = None
    job.pause_requested_at = func.coalesce(Job.pause_requested_at, func.now())
    job.version = Job.version + 1
    session.flush()
    event = {"attempt": job.attempt, **end.told} if was_running else {}
    job_events.append_to(session, job, [("paused", event)])


def wake(session: Session, job: Job, event: str) -> None:
    """Put a job that rests or has ended back into the queue because its owner wants it, as if it had just come."""
    _check(job, JobStatus.QUEUED)
    _queue(job)
    job.pause_requested_at = job.cancel_requested_at = job.finished_at = None
    job.error_code = job.error_message = job.result = None
    job.expires_at = expiry(job.ttl_seconds)
    session.flush()
    job_events.append_to(session, job, [(event, {"attempt": job.attempt})])


def expiry(ttl_seconds: int | None) -> ColumnElement[datetime] | None:
    """When a job that is queued now will have waited too long; never without a limit."""
    return None if ttl_seconds is None else func.now() + timedelta(seconds=ttl_seconds)


def _queue(job: Job, delay_seconds: float = 0) -> None:
    job.status = JobStatus.QUEUED
    _let_go(job)
    job.worker = job.published_at = None
    job.available_at = func.now() + timedelta(seconds=delay_seconds)
    job.version = Job.version + 1


def _let_go(job: Job) -> None:
    job.lease_token = job.lease_expires_at = job.deadline_at = None


def _check(job: Job, after: JobStatus) -> None:
    if not can_transition(job.status, after):
        raise ValueError(f"a job does not move from {job.status} to {after}")


def _end_attempt(session: Session, job: Job, end: AttemptEnd) -> None:
    if job.status is not JobStatus.RUNNING:
        return
    session.execute(
        update(JobAttempt)
        .where(JobAttempt.job_id == job.id, JobAttempt.attempt == job.attempt)
        .values(
            ended_at=func.now(),
            outcome=end.outcome,
            uncounted=end.uncounted,
            error_code=end.failure.code if end.failure else None,
            error_message=end.failure.message if end.failure else None,
            last_step=job.step,
        )
    )
