"""How many jobs there are in each state, for the one process that exports it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.registry.states import JobKind, JobStatus
from services.registry.tables import Job

DUE = (Job.status == JobStatus.QUEUED, Job.available_at <= func.now())


@dataclass(frozen=True)
class Census:
    """A moment's count; every kind and status is present."""

    jobs: Mapping[tuple[JobKind, JobStatus], int]
    oldest_queued_seconds: Mapping[JobKind, float]  # 0 where nothing waits
    unpublished: int  # queued, due, and without a message


def take(session: Session) -> Census:
    """Count the jobs."""
    jobs = {(kind, status): 0 for kind in JobKind for status in JobStatus}
    for kind, status, count in session.execute(
        select(Job.kind, Job.status, func.count()).group_by(Job.kind, Job.status)
    ):
        jobs[kind, status] = count
    oldest = {kind: _oldest_queued_seconds(session, kind) for kind in JobKind}
    unannounced = select(func.count()).select_from(Job).where(*DUE, Job.published_at.is_(None))
    return Census(jobs, oldest, session.scalar(unannounced) or 0)


def due(session: Session, kind: JobKind) -> int:
    """How many jobs of a kind could be claimed now."""
    return session.scalar(select(func.count()).select_from(Job).where(*DUE, Job.kind == kind)) or 0


def _oldest_queued_seconds(session: Session, kind: JobKind) -> float:
    first = select(Job.available_at).where(*DUE, Job.kind == kind).order_by(Job.available_at).limit(1)
    waited = session.scalar(select(func.extract("epoch", func.now() - first.scalar_subquery())))
    return float(waited or 0.0)
