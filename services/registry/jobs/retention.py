"""Removes what is old: jobs that ended long ago or that too many have followed, their events before that, records of the audit log.

Each call removes one batch in the caller's transaction, so that locks are short; call again while batches are full.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.dml import ReturningDelete

from services.registry.db.access_tables import AuditRecord
from services.registry.db.operations_tables import RemovedJobs
from services.registry.db.tables import (
    Checkpoint,
    Job,
    JobAttempt,
    JobEvent,
    JobLine,
    KeptCarry,
    Run,
    RunEvaluation,
    RunMetric,
    Solution,
)
from services.registry.states import JobKind, JobStatus

SMALLEST_EVENT = 64  # bytes of a row: a table of fewer for each that may stay needs no counting
LAST_EVENT = "done"  # stays as long as its job: who follows a job learns its end


@dataclass(frozen=True)
class Limits:
    """Maximum age and number of rows to keep; 0 means no limit."""

    days: float
    most: int = 0


def remove_jobs(session: Session, kind: JobKind, limits: Limits, batch: int) -> int:
    """Remove ended jobs with all that belongs to them; how many. A training stays while its run has a checkpoint."""
    ended = select(Job.finished_at).where(Job.kind == kind, Job.finished_at.is_not(None))
    newest = ended.order_by(Job.finished_at.desc()).offset(limits.most).limit(1)
    old = _match_beyond(Job.finished_at, limits, session.scalar(newest) if limits.most else None)
    if old is None:
        return 0
    kept = select(Checkpoint.id).where(Checkpoint.run_id == Job.run_id).exists()
    due = select(Job).where(Job.kind == kind, Job.finished_at.is_not(None), old, ~and_(Job.run_id.is_not(None), kept))
    jobs = list(session.scalars(due.order_by(Job.finished_at).limit(batch).with_for_update(skip_locked=True)))
    _count(session, jobs)
    _remove(session, [job.id for job in jobs], [job.run_id for job in jobs if job.run_id is not None])
    return len(jobs)


def remove_events(session: Session, limits: Limits, batch: int) -> int:
    """Remove events of ended jobs that are old or too many, all but the last one of each; how many."""
    moments = [func.now() - timedelta(days=limits.days)] if limits.days else []
    if (crowded := _find_crowded_out(session, limits.most)) is not None:
        moments.append(literal(crowded))
    if not moments:
        return 0
    before = func.greatest(*moments)
    due = (
        select(JobEvent.job_id, JobEvent.seq)
        .join(Job, Job.id == JobEvent.job_id)
        .where(JobEvent.created_at <= before, JobEvent.type != LAST_EVENT, Job.finished_at <= before)
        .limit(batch)
    ).subquery()
    gone = delete(JobEvent).where(JobEvent.job_id == due.c.job_id, JobEvent.seq == due.c.seq)
    return _count_rows(session, gone.returning(JobEvent.seq))


def remove_audit(session: Session, limits: Limits, batch: int) -> int:
    """Remove old records of the audit log; how many."""
    newest = select(AuditRecord.created_at).order_by(AuditRecord.created_at.desc()).offset(limits.most).limit(1)
    old = _match_beyond(AuditRecord.created_at, limits, session.scalar(newest) if limits.most else None)
    if old is None:
        return 0
    due = select(AuditRecord.id).where(old).order_by(AuditRecord.created_at).limit(batch)
    return _count_rows(session, delete(AuditRecord).where(AuditRecord.id.in_(due)).returning(AuditRecord.id))


def _find_crowded_out(session: Session, most: int) -> datetime | None:
    """When that job ended whose events, with those of all that ended later, are too many; None while all fit.

    Events are numbered within their job, so that its last number counts them.
    """
    table_bytes = session.scalar(select(func.pg_relation_size(JobEvent.__tablename__))) or 0
    if not most or table_bytes < most * SMALLEST_EVENT:
        return None
    count = select(func.max(JobEvent.seq)).where(JobEvent.job_id == Job.id).scalar_subquery()
    so_far = func.sum(count).over(order_by=Job.finished_at.desc()).label("so_far")
    ended = select(Job.finished_at, so_far).where(Job.finished_at.is_not(None)).subquery()
    found: datetime | None = session.scalar(select(func.max(ended.c.finished_at)).where(ended.c.so_far > most))
    return found


def _match_beyond(
    moment: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    limits: Limits,
    last: datetime | None,
) -> ColumnElement[bool] | None:
    """What is older than the limit of age, or not newer than the first that is too many."""
    conditions = []
    if limits.days:
        conditions.append(moment < func.now() - timedelta(days=limits.days))
    if last is not None:
        conditions.append(moment <= last)
    return or_(*conditions) if conditions else None


def _count_rows(session: Session, statement: ReturningDelete[tuple[object]]) -> int:
    return len(session.execute(statement.execution_options(synchronize_session=False)).all())


def _count(session: Session, jobs: Sequence[Job]) -> None:
    """What has ended is counted forever: the service's counters must not fall."""
    ends = Counter[tuple[JobKind, JobStatus]]()
    for job in jobs:
        ends[job.kind, job.status] += 1
        ends[job.kind, JobStatus.FAILED] += job.earlier_failures
        ends[job.kind, JobStatus.CANCELLED] += job.earlier_cancellations
    rows = [{"kind": kind, "status": status, "count": n} for (kind, status), n in sorted(ends.items()) if n]
    if rows:
        added = insert(RemovedJobs).values(rows)
        total = {"count": RemovedJobs.count + added.excluded.count}
        session.execute(added.on_conflict_do_update(index_elements=["kind", "status"], set_=total))


def _remove(session: Session, job_ids: Sequence[str], run_ids: Sequence[str]) -> None:
    for of_job in (Solution, KeptCarry, JobLine, JobEvent, JobAttempt):
        session.execute(delete(of_job).where(of_job.job_id.in_(job_ids)))
    session.execute(delete(Job).where(Job.id.in_(job_ids)).execution_options(synchronize_session=False))
    for of_run in (RunMetric, RunEvaluation):
        session.execute(delete(of_run).where(of_run.run_id.in_(run_ids)))
    session.execute(delete(Run).where(Run.id.in_(run_ids)).execution_options(synchronize_session=False))
