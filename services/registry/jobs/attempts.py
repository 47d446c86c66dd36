"""The attempts at a job; `leases` begins them, and `transitions` ends them."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from services.registry.access.visibility import EVERYTHING, AccessScope, visible_to
from services.registry.db.pages import Page, cut, decode_place
from services.registry.db.tables import Checkpoint, Job, JobAttempt
from services.registry.jobs import leases
from services.registry.states import UncountedReason


@dataclass(frozen=True)
class History:
    """What came before the attempt that a job is at, back to the last one that made progress or to its owner's retry."""

    fruitless: int  # attempts without progress; those that were released are left out
    interruptions: int  # of these the last ones in a row that the infrastructure has ended
    has_progress: bool  # whether this attempt has left a newer checkpoint than all before


def summarise(session: Session, job: Job) -> History:
    """Summary of the latest attempts at a job whose row is locked."""
    every = of_job(session, EVERYTHING, job.id)
    earlier = [tried for tried in every if job.earlier_attempts < tried.attempt < job.attempt]
    fruitless = interruptions = 0
    in_a_row = True
    for tried in reversed(earlier):
        if tried.uncounted is UncountedReason.PROGRESS:
            break
        in_a_row = in_a_row and tried.uncounted in (UncountedReason.INFRASTRUCTURE, UncountedReason.RELEASED)
        fruitless += tried.uncounted is not UncountedReason.RELEASED
        interruptions += in_a_row and tried.uncounted is UncountedReason.INFRASTRUCTURE
    return History(fruitless, interruptions, _has_progress(session, job))


def _has_progress(session: Session, job: Job) -> bool:
    """Whether an attempt left a newer checkpoint; other work is repeated, and a step reached before is not progress."""
    if job.run_id is None:
        return False
    furthest = select(func.max(Checkpoint.step)).where(Checkpoint.run_id == job.run_id)
    own = session.scalar(furthest.where(Checkpoint.attempt == job.attempt))
    return own is not None and own > (session.scalar(furthest.where(Checkpoint.attempt < job.attempt)) or 0)


def of_job(session: Session, access: AccessScope, job_id: str) -> list[JobAttempt]:
    """Every attempt at the job, first to last."""
    tried = select(JobAttempt).where(JobAttempt.job_id == job_id, visible_to(access, JobAttempt))
    return list(session.scalars(tried.order_by(JobAttempt.attempt)))


def page(
    session: Session, access: AccessScope, job_id: str, *, cursor: str | None = None, limit: int = 20
) -> Page[JobAttempt]:
    """A page of the attempts at a job, newest first; raises InvalidCursor."""
    where = f"attempts at {job_id}"
    tried = select(JobAttempt).where(JobAttempt.job_id == job_id, visible_to(access, JobAttempt))
    if cursor is not None:
        tried = tried.where(JobAttempt.attempt < decode_place(where, cursor))
    rows = session.scalars(tried.order_by(JobAttempt.attempt.desc()).limit(limit + 1)).all()
    return cut(rows, limit, where, lambda last: [last.attempt])


def under_way(session: Session, job_ids: Collection[str]) -> set[tuple[str, int]]:
    """The attempts at these jobs that have not ended."""
    open_ = select(JobAttempt.job_id, JobAttempt.attempt).where(JobAttempt.job_id.in_(job_ids))
    return {(job_id, attempt) for job_id, attempt in session.execute(open_.where(JobAttempt.ended_at.is_(None)))}


def record_first_step(session: Session, claim: leases.Claim, step: int) -> None:
    """Note the step that this attempt continues from; raises StaleLease."""
    leases.hold(session, claim)
    ours = (JobAttempt.job_id == claim.job_id, JobAttempt.attempt == claim.attempt)
    session.execute(update(JobAttempt).where(*ours).values(first_step=step))
