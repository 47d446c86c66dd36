"""The attempts at a job; `leases` begins them, and `moves` ends them."""

from collections.abc import Collection

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.registry.db.tables import JobAttempt
from services.registry.jobs import leases


def of_job(session: Session, job_id: str) -> list[JobAttempt]:
    """Every attempt at the job, first to last."""
    return list(session.scalars(select(JobAttempt).where(JobAttempt.job_id == job_id).order_by(JobAttempt.attempt)))


def under_way(session: Session, job_ids: Collection[str]) -> set[tuple[str, int]]:
    """Those attempts at these jobs that have not ended."""
    open_ = select(JobAttempt.job_id, JobAttempt.attempt).where(JobAttempt.job_id.in_(job_ids))
    return {(job_id, attempt) for job_id, attempt in session.execute(open_.where(JobAttempt.ended_at.is_(None)))}


def record_first_step(session: Session, claim: leases.Claim, step: int) -> None:
    """Note the step that this attempt goes on from; raises StaleLease."""
    leases.hold(session, claim)
    session.execute(
        update(JobAttempt)
        .where(JobAttempt.job_id == claim.job_id, JobAttempt.attempt == claim.attempt)
        .values(first_step=step)
    )
