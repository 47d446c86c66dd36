"""How many jobs there are in each state, for the one process that exports it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.registry.states import JobKind, JobStatus
from services.registry.tables import Job


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
    due = (Job.status == JobStatus.QUEUED, Job.available_at <= func.now())
    oldest = dict.fromkeys(JobKind, 0.0)
    waits = (
        select(Job.kind, func.extract("epoch", func.now() - func.min(Job.available_at))).where(*due).group_by(Job.kind)
    )
    for kind, waited in session.execute(waits):
        oldest[kind] = float(waited)
    unpublished = session.scalar(select(func.count()).select_from(Job).where(*due, Job.published_at.is_(None)))
    return Census(jobs, oldest, unpublished or 0)
