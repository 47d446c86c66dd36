"""Events of a job, numbered from 1 without gaps and kept for later readers."""

from collections.abc import Sequence

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from services.registry.db.base import Json
from services.registry.db.tables import Job, JobEvent
from services.registry.jobs import leases

Event = tuple[str, Json]  # type, data


def append(session: Session, claim: leases.Claim, events: Sequence[Event]) -> None:
    """Add events to the job under its lease; raises StaleLease."""
    append_to(session, leases.hold(session, claim), events)


def append_to(session: Session, job: Job, events: Sequence[Event]) -> None:
    """Add events to a job whose row is locked: the lock makes their numbers unique and visible in order."""
    if not events:
        return
    last = session.scalar(select(func.coalesce(func.max(JobEvent.seq), 0)).where(JobEvent.job_id == job.id)) or 0
    rows = [
        {"job_id": job.id, "seq": last + offset, "type": kind, "data": data}
        for offset, (kind, data) in enumerate(events, start=1)
    ]
    session.execute(insert(JobEvent), rows)


def after(session: Session, job_id: str, seq: int = 0, limit: int = 500) -> list[JobEvent]:
    """The job's events that follow number `seq`, oldest first."""
    statement = select(JobEvent).where(JobEvent.job_id == job_id, JobEvent.seq > seq)
    return list(session.scalars(statement.order_by(JobEvent.seq).limit(limit)))
