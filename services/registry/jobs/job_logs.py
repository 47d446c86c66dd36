"""What a job's trainer has written besides its events: lines, numbered from 1 over all attempts."""

from collections.abc import Sequence

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from services.registry.db.tables import JobLine
from services.registry.jobs import leases

MOST_LINES = 20_000  # of a job; a trainer that writes more has said it all
LONGEST = 2_000  # characters
LAST = f"Only the first {MOST_LINES:,} lines of a job are kept."


def append(session: Session, claim: leases.Claim, lines: Sequence[str]) -> None:
    """Add lines to the job under its lease; raises StaleLease."""
    job = leases.hold(session, claim)
    if not lines:
        return
    last = session.scalar(select(func.coalesce(func.max(JobLine.seq), 0)).where(JobLine.job_id == job.id)) or 0
    room = MOST_LINES - last
    kept = [*lines] if len(lines) < room else [*lines[: room - 1], LAST]
    if room <= 0:
        return
    rows = [
        {"job_id": job.id, "seq": last + offset, "attempt": claim.attempt, "text": line[:LONGEST]}
        for offset, line in enumerate(kept, start=1)
    ]
    session.execute(insert(JobLine), rows)


def after(session: Session, job_id: str, seq: int = 0, limit: int = 500) -> list[JobLine]:
    """The job's lines that follow number `seq`, oldest first."""
    statement = select(JobLine).where(JobLine.job_id == job_id, JobLine.seq > seq)
    return list(session.scalars(statement.order_by(JobLine.seq).limit(limit)))
