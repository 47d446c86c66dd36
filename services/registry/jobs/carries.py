"""The carries that solve jobs leave: kept for a while, so that another job can continue from there."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.orm import Session

from services.registry.access.visibility import AccessScope, visible_to
from services.registry.db.base import Json
from services.registry.db.tables import Job, KeptCarry, Solution
from services.registry.errors import CarryExpired, JobNotContinuable
from services.registry.jobs import jobs, leases
from services.registry.states import JobKind, JobStatus


def add(session: Session, claim: leases.Claim, found: Mapping[int, bytes]) -> None:
    """Keep carries by the index of their puzzle; they replace those that an earlier attempt left. Raises StaleLease."""
    if not found:
        return
    leases.hold(session, claim)
    session.execute(delete(KeptCarry).where(KeptCarry.job_id == claim.job_id, KeptCarry.index.in_(found)))
    rows = [{"job_id": claim.job_id, "index": index, "data": data} for index, data in found.items()]
    session.execute(insert(KeptCarry), rows)


def load(session: Session, access: AccessScope, job_id: str) -> list[bytes]:
    """All that the job has left, in the order of its puzzles; raises CarryExpired."""
    mine = select(KeptCarry.data).where(KeptCarry.job_id == job_id, visible_to(access, KeptCarry))
    found = list(session.scalars(mine.order_by(KeptCarry.index)))
    if not found:
        raise _make_expired(job_id)
    return found


def require_continuable(session: Session, access: AccessScope, job_id: str) -> tuple[Json, int]:
    """The request of a solve job that another can continue, and the fewest steps that it made for any of its answers.

    Raises JobNotFound, JobNotContinuable or CarryExpired.
    """
    job = jobs.get(session, access, job_id)
    if job.kind is not JobKind.SOLVE:
        raise JobNotContinuable(f"{job_id} is no solve job. Runs are continued by `resume` or a fork.")
    if job.status is not JobStatus.SUCCEEDED:
        raise JobNotContinuable(f"{job_id} is {job.status.value}: wait until it has succeeded.")
    request = jobs.request_of(session, access, job_id)
    if not request.get("keep_carry"):
        raise JobNotContinuable(f"{job_id} was submitted without `keep_carry`. Submit it again with it.")
    mine = KeptCarry.job_id == job_id, visible_to(access, KeptCarry)
    if session.scalar(select(KeptCarry.index).where(*mine).limit(1)) is None:
        raise _make_expired(job_id)
    fewest = select(func.min(Solution.steps)).where(Solution.job_id == job_id, visible_to(access, Solution))
    return request, session.scalar(fewest) or 0


def remove(session: Session, *, hours: float, most_bytes: int, batch: int) -> int:
    """Remove what is older than that, and of the rest the oldest beyond so many bytes in all; of how many jobs. 0 means no limit.

    What a job that has not ended continues from stays.
    """
    size = func.sum(func.octet_length(KeptCarry.data))
    each = select(KeptCarry.job_id, func.max(KeptCarry.created_at).label("at"), size.label("bytes"))
    kept = each.group_by(KeptCarry.job_id).subquery()
    newer = func.sum(kept.c.bytes).over(order_by=(kept.c.at.desc(), kept.c.job_id))
    known = select(kept.c.job_id, kept.c.at, newer.label("through")).subquery()
    beyond = []
    if hours:
        beyond.append(known.c.at < func.now() - timedelta(hours=hours))
    if most_bytes:
        beyond.append(known.c.through > most_bytes)
    if not beyond:
        return 0
    wanted = select(Job.id).where(Job.continues == known.c.job_id, Job.finished_at.is_(None)).exists()
    due = list(session.scalars(select(known.c.job_id).where(or_(*beyond), ~wanted).order_by(known.c.at).limit(batch)))
    session.execute(delete(KeptCarry).where(KeptCarry.job_id.in_(due)).execution_options(synchronize_session=False))
    return len(due)


def _make_expired(job_id: str) -> CarryExpired:
    return CarryExpired(
        f"What {job_id} left to continue from has been removed. Submit its puzzles again, with all the steps."
    )
