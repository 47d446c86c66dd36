"""Brings back jobs whose worker fell silent, and finds queued jobs whose message may be lost."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from services.registry import endings
from services.registry.moves import Failure
from services.registry.queue import Announcement
from services.registry.states import JobKind, JobStatus, Outcome
from services.registry.tables import Job

WORKER_LOST = "worker_lost"


@dataclass(frozen=True)
class Rescue:
    """A job taken from a silent worker, and where it went."""

    job_id: str
    kind: JobKind
    attempt: int
    worker: str
    status: JobStatus


def rescue_expired(session: Session, limit: int = 100) -> list[Rescue]:
    """Take every job whose lease has run out from its worker: queued again after a pause, or ended.

    Two reapers at once share the work.
    """
    expired = (
        select(Job)
        .where(Job.status == JobStatus.RUNNING, Job.lease_expires_at < func.now())
        .order_by(Job.lease_expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    return [_rescue(session, job) for job in session.scalars(expired)]


def _rescue(session: Session, job: Job) -> Rescue:
    attempt, worker = job.attempt, job.worker or "unknown"
    failure = Failure(WORKER_LOST, f"The worker {worker} fell silent during attempt {attempt} of {job.max_attempts}.")
    status = endings.give_up(session, job, Outcome.LOST, failure)
    return Rescue(job.id, job.kind, attempt, worker, status)


def stale_queued(session: Session, republish_seconds: float, limit: int = 1000) -> list[Announcement]:
    """Jobs that wait unclaimed without a message, or with one so old that it may be lost.

    Their rows are locked: publish and mark them in the same transaction.
    """
    stale = func.now() - timedelta(seconds=republish_seconds)
    statement = (
        select(Job.id, Job.kind)
        .where(Job.status == JobStatus.QUEUED, Job.available_at <= func.now())
        .where(or_(Job.published_at.is_(None), Job.published_at < stale))
        .order_by(Job.available_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    return [Announcement(job_id, kind) for job_id, kind in session.execute(statement)]


def mark_published(session: Session, job_ids: Collection[str]) -> None:
    """Note that the messages of these jobs were sent just now."""
    if job_ids:
        session.execute(
            update(Job)
            .where(Job.id.in_(job_ids), Job.status == JobStatus.QUEUED)
            .values(published_at=func.now())
            .execution_options(synchronize_session=False)
        )
