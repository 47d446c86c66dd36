"""The attempts at a job; `leases` begins them, and `moves` ends them."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.registry import leases
from services.registry.tables import JobAttempt


def of_job(session: Session, job_id: str) -> list[JobAttempt]:
    """Every attempt at the job, first to last."""
    return list(session.scalars(select(JobAttempt).where(JobAttempt.job_id == job_id).order_by(JobAttempt.attempt)))


def record_first_step(session: Session, claim: leases.Claim, step: int) -> None:
    """Note the step that this attempt goes on from; raises StaleLease."""
    leases.hold(session, claim)
    session.execute(
        update(JobAttempt)
        .where(JobAttempt.job_id == claim.job_id, JobAttempt.attempt == claim.attempt)
        .values(first_step=step)
    )
