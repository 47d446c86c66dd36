"""How many jobs may wait: beyond that it is kinder to refuse one than to take it in."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.registry.errors import QueueFull
from services.registry.states import JobStatus
from services.registry.tables import Job


@dataclass(frozen=True)
class Caps:
    """The most jobs that may be queued: of all callers, and of each."""

    jobs: int
    jobs_per_caller: int


def refusals(session: Session, callers: Sequence[str], caps: Caps) -> list[QueueFull | None]:
    """For one more job of each of these callers, in their order: why it cannot be taken, or nothing.

    Gateways that take jobs in at the same moment do not see each other's: the caps are exceeded by a handful, not by many.
    """
    waiting = select(Job.caller, func.count()).where(Job.status == JobStatus.QUEUED).group_by(Job.caller)
    counts = Counter(dict(session.execute(waiting).all()))
    answers: list[QueueFull | None] = []
    for caller in callers:
        refusal = _refusal(counts, caller, caps)
        counts[caller] += refusal is None
        answers.append(refusal)
    return answers


def _refusal(counts: Counter[str], caller: str, caps: Caps) -> QueueFull | None:
    if counts.total() >= caps.jobs:
        return QueueFull(f"{caps.jobs} jobs are queued, and this service takes no more. Try again later.")
    if counts[caller] >= caps.jobs_per_caller:
        return QueueFull(f"You have {caps.jobs_per_caller} jobs queued, the most for one caller. Try again later.")
    return None
