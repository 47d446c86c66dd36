"""How many jobs there are in each state, for the one process that exports it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session

from services.registry.db.base import Base
from services.registry.db.operations_tables import RemovedJobs
from services.registry.db.tables import Checkpoint, Job, has_status
from services.registry.states import FINAL, JobKind, JobStatus

_WAS_RETRIED = Job.earlier_failures + Job.earlier_cancellations > 0
_RETRIED = union_all(
    *(
        select(Job.kind, literal(status, Job.status.type), func.sum(count)).where(_WAS_RETRIED).group_by(Job.kind)
        for status, count in (
            (JobStatus.FAILED, Job.earlier_failures),
            (JobStatus.CANCELLED, Job.earlier_cancellations),
        )
    )
)
DUE = (has_status(JobStatus.QUEUED), Job.available_at <= func.now())


@dataclass(frozen=True)
class JobCounts:
    """A moment's count; every kind and status is present."""

    jobs: Mapping[tuple[JobKind, JobStatus], int]
    ended: Mapping[tuple[JobKind, JobStatus], int]  # how often: an end counts although the job was retried
    oldest_queued_seconds: Mapping[JobKind, float]  # 0 where nothing waits
    unpublished: int = 0  # queued, due, and without a message
    oldest_unpublished_seconds: float = 0.0
    oldest_retired_seconds: float = 0.0  # of a checkpoint whose files are to be deleted
    table_bytes: Mapping[str, int] = field(default_factory=dict)


def take(session: Session) -> JobCounts:
    """Count the jobs."""
    jobs = {(kind, status): 0 for kind in JobKind for status in JobStatus}
    counted = select(Job.kind, Job.status, func.count()).group_by(Job.kind, Job.status)
    for kind, status, count in session.execute(counted):
        jobs[kind, status] = count
    ended = {(kind, status): count for (kind, status), count in jobs.items() if status in FINAL}
    removed = select(RemovedJobs.kind, RemovedJobs.status, RemovedJobs.count)
    for kind, status, count in (*session.execute(_RETRIED), *session.execute(removed)):
        ended[kind, status] += count
    oldest = {kind: _find_longest_wait(session, kind) for kind in JobKind}
    unannounced = select(func.count(), func.min(Job.available_at)).where(*DUE, Job.published_at.is_(None))
    unpublished, since = session.execute(unannounced).one()
    retired = session.scalar(select(func.min(Checkpoint.retired_at)))
    waits = _count_seconds_since(session, since), _count_seconds_since(session, retired)
    return JobCounts(jobs, ended, oldest, unpublished, *waits, _measure_tables(session))


def _measure_tables(session: Session) -> dict[str, int]:
    """Disk space of each table, with its indexes and TOAST data."""
    sizes = [func.pg_total_relation_size(name) for name in Base.metadata.tables]
    return dict(zip(Base.metadata.tables, session.execute(select(*sizes)).one(), strict=True))


def due(session: Session, kind: JobKind) -> int:
    """Number of jobs of a kind that can be claimed now."""
    return session.scalar(select(func.count()).select_from(Job).where(*DUE, Job.kind == kind)) or 0


def _find_longest_wait(session: Session, kind: JobKind) -> float:
    first = select(Job.available_at).where(*DUE, Job.kind == kind).order_by(Job.available_at).limit(1)
    return _count_seconds_since(session, session.scalar(first))


def _count_seconds_since(session: Session, moment: datetime | None) -> float:
    """Seconds by the database's clock; 0 without a timestamp."""
    waited = None if moment is None else session.scalar(select(func.extract("epoch", func.now() - moment)))
    return float(waited or 0.0)
