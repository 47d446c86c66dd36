"""Requeues jobs whose worker stopped responding, and finds queued jobs whose message may be lost."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.registry.db.tables import Job, has_status
from services.registry.errors import JobExpired, WorkerLost
from services.registry.jobs import completion, transitions
from services.registry.jobs.queue import Announcement
from services.registry.jobs.transitions import Failure
from services.registry.states import JobKind, JobStatus, Outcome


@dataclass(frozen=True)
class Rescue:
    """A job taken from a lost worker, and where it went."""

    job_id: str
    kind: JobKind
    attempt: int
    worker: str
    status: JobStatus
    lease_token: UUID | None  # that ran out
    started_at: datetime | None
    traceparent: str | None


def rescue_expired(session: Session, limit: int = 100) -> list[Rescue]:
    """Take every job whose lease has run out from its worker: queued again after a pause, or ended.

    Two reapers at once share the work.
    """
    expired = (
        select(Job)
        .where(has_status(JobStatus.RUNNING), Job.lease_expires_at < func.now())
        .order_by(Job.lease_expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    return [_rescue(session, job) for job in session.scalars(expired)]


def _rescue(session: Session, job: Job) -> Rescue:
    attempt, worker, token, started_at = job.attempt, job.worker or "unknown", job.lease_token, job.started_at
    failure = Failure(WorkerLost.code, f"The worker {worker} stopped responding during attempt {attempt}.")
    status = completion.give_up(session, job, Outcome.LOST, failure)
    return Rescue(job.id, job.kind, attempt, worker, status, token, started_at, job.traceparent)


def fail_expired(session: Session, limit: int = 1000) -> list[Job]:
    """End every queued job that has waited longer than it may; one that a worker just claims escapes."""
    expired = (
        select(Job)
        .where(has_status(JobStatus.QUEUED), Job.expires_at <= func.now())
        .order_by(Job.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    jobs = list(session.scalars(expired))
    for job in jobs:
        failure = Failure(JobExpired.code, f"No worker claimed the job within its ttl_seconds, {job.ttl_seconds}.")
        transitions.end(session, job, JobStatus.FAILED, Outcome.FAILED, failure=failure)
    return jobs


def release_all(session: Session) -> int:
    """What a restored database needs, whose workers and messages are gone: running jobs are handed back, and no job counts
    as announced. Returns how many were running.
    """
    running = list(session.scalars(select(Job).where(has_status(JobStatus.RUNNING)).with_for_update(key_share=True)))
    for job in running:
        completion.hand_back(session, job)
    unpublish = update(Job).where(has_status(JobStatus.QUEUED), Job.published_at.is_not(None)).values(published_at=None)
    session.execute(unpublish.execution_options(synchronize_session=False))
    return len(running)


def never_announced(session: Session, limit: int = 1000) -> list[Announcement]:
    """Jobs that wait without a message, longest first.

    Their rows are locked: publish and mark them in the same transaction.
    """
    return _list_announcements(session, (Job.published_at.is_(None),), Job.available_at, limit)


def long_announced(session: Session, kind: JobKind, republish_seconds: float, limit: int) -> list[Announcement]:
    """Jobs that wait unclaimed with a message so old that it may be lost, oldest first; locked likewise."""
    stale = func.now() - timedelta(seconds=republish_seconds)
    return _list_announcements(session, (Job.kind == kind, Job.published_at < stale), Job.published_at, limit)


def _list_announcements(
    session: Session,
    conditions: Sequence[ColumnElement[bool]],
    order: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    limit: int,
) -> list[Announcement]:
    statement = (
        select(Job.id, Job.kind)
        .where(has_status(JobStatus.QUEUED), Job.available_at <= func.now(), *conditions)
        .order_by(order)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    return [Announcement(job_id, kind) for job_id, kind in session.execute(statement)]


def mark_published(session: Session, job_ids: Collection[str]) -> None:
    """Note that the messages of these jobs were sent just now."""
    if job_ids:
        waiting = (Job.id.in_(job_ids), Job.status == JobStatus.QUEUED)
        sent = update(Job).where(*waiting).values(published_at=func.now())
        session.execute(sent.execution_options(synchronize_session=False))
