"""The attempts at a job; `leases` begins them, and `moves` ends them."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from services.registry.db.tables import Checkpoint, Job, JobAttempt
from services.registry.jobs import leases
from services.registry.states import UncountedReason


@dataclass(frozen=True)
class Row:
    """What came before the attempt that a job is at, back to the last one that made progress or to its owner's retry."""

    fruitless: int  # attempts without progress; those that were released are left out
    interruptions: int  # of these the last ones in a row that the infrastructure has ended
    has_progress: bool  # whether this attempt has left a newer checkpoint than all before


def row(session: Session, job: Job) -> Row:
    """How the latest attempts at a job went, whose row is locked."""
    earlier = [tried for tried in of_job(session, job.id) if job.earlier_attempts < tried.attempt < job.attempt]
    fruitless = interruptions = 0
    in_a_row = True
    for tried in reversed(earlier):
        if tried.uncounted is UncountedReason.PROGRESS:
            break
        in_a_row = in_a_row and tried.uncounted in (UncountedReason.INFRASTRUCTURE, UncountedReason.RELEASED)
        fruitless += tried.uncounted is not UncountedReason.RELEASED
        interruptions += in_a_row and tried.uncounted is UncountedReason.INFRASTRUCTURE
    return Row(fruitless, interruptions, _has_progress(session, job))


def _has_progress(session: Session, job: Job) -> bool:
    """By checkpoints, since whatever else an attempt has done is done again; a step that was reached before is not progress."""
    if job.run_id is None:
        return False
    furthest = select(func.max(Checkpoint.step)).where(Checkpoint.run_id == job.run_id)
    own = session.scalar(furthest.where(Checkpoint.attempt == job.attempt))
    return own is not None and own > (session.scalar(furthest.where(Checkpoint.attempt < job.attempt)) or 0)


def of_job(session: Session, job_id: str) -> list[JobAttempt]:
    """Every attempt at the job, first to last."""
    return list(session.scalars(select(JobAttempt).where(JobAttempt.job_id == job_id).order_by(JobAttempt.attempt)))


def under_way(session: Session, job_ids: Collection[str]) -> set[tuple[str, int]]:
    """Those attempts at these jobs that have not ended."""
    open_ = select(JobAttempt.job_id, JobAttempt.attempt).where(JobAttempt.job_id.in_(job_ids))
    return {(job_id, attempt) for job_id, attempt in session.execute(open_.where(JobAttempt.ended_at.is_(None)))}


def record_first_step(session: Session, claim: leases.Claim, step: int) -> None:
    """Note the step that this attempt continues from; raises StaleLease."""
    leases.hold(session, claim)
    session.execute(
        update(JobAttempt)
        .where(JobAttempt.job_id == claim.job_id, JobAttempt.attempt == claim.attempt)
        .values(first_step=step)
    )
