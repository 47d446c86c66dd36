"""How many jobs may wait: more than that are refused."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.registry.db.tables import Job, has_status
from services.registry.errors import QueueFull
from services.registry.states import JobStatus


@dataclass(frozen=True)
class Caps:
    """The most jobs that may be queued: of all owners, and of each."""

    jobs: int
    jobs_per_owner: int


def refusals(session: Session, owners: Sequence[str], caps: Caps) -> list[QueueFull | None]:
    """For one more job of each of these owners, in their order: why it cannot be taken, or nothing.

    Gateways that take jobs in at the same moment do not see each other's: the caps are exceeded by a handful, not by many.
    """
    waiting = select(Job.owner, func.count()).where(has_status(JobStatus.QUEUED)).group_by(Job.owner)
    counts = Counter(dict(session.execute(waiting).all()))
    answers: list[QueueFull | None] = []
    for owner in owners:
        refusal = _make_refusal(counts, owner, caps)
        counts[owner] += refusal is None
        answers.append(refusal)
    return answers


def _make_refusal(counts: Counter[str], owner: str, caps: Caps) -> QueueFull | None:
    if counts.total() >= caps.jobs:
        return QueueFull(f"{caps.jobs} jobs are queued, and this service takes no more. Try again later.")
    if counts[owner] >= caps.jobs_per_owner:
        return QueueFull(f"You have {caps.jobs_per_owner} jobs queued, the most for one owner. Try again later.")
    return None
