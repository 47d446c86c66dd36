"""The curve of a run: one row a logged step, with an array entry for each supervision step."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    UnaryExpression,
    and_,
    false,
    func,
    not_,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, aliased

from services.registry.access.visibility import AccessScope, visible_to
from services.registry.db.base import Json
from services.registry.db.bulk import copy_rows
from services.registry.db.tables import Job, JobAttempt, Run, RunMetric
from services.registry.jobs import leases

KEY = ("run_id", "attempt")
EXTREMES = (
    RunMetric.loss.asc(),
    RunMetric.loss.desc(),
    RunMetric.exact_accuracy.asc().nulls_last(),
    RunMetric.exact_accuracy.desc().nulls_last(),
)
COLUMNS = tuple(column.key for column in RunMetric.__table__.columns if column.key not in KEY)


def add(session: Session, claim: leases.Claim, events: Sequence[Json]) -> None:
    """Record the trainer's `step` events; those recorded already stay as they are. Raises StaleLease."""
    leases.hold(session, claim)
    if not events:
        return
    run_id, attempt = claim.training_run, claim.attempt
    rows = {event["step"]: (run_id, attempt, *(event[name] for name in COLUMNS)) for event in reversed(events)}
    for step in _find_recorded(session, run_id, attempt, min(rows)):  # no rows are added meanwhile: the lease is locked
        rows.pop(step, None)
    copy_rows(session, RunMetric, (*KEY, *COLUMNS), rows.values())
    session.execute(update(Run).where(Run.id == run_id).values(step=max(event["step"] for event in events)))


def _find_recorded(session: Session, run_id: str, attempt: int, first_step: int) -> Iterable[int]:
    """The steps from `first_step` on that the attempt has recorded: none, unless a commit was in doubt."""
    own = (RunMetric.run_id == run_id, RunMetric.attempt == attempt, RunMetric.step >= first_step)
    return session.scalars(select(RunMetric.step).where(*own)).all()


def read(
    session: Session, access: AccessScope, run_id: str, *, after_step: int = 0, limit: int = 1000, every: int = 1
) -> list[RunMetric]:
    """The run's curve after a step, in order; with `every`, the last row of every N steps.

    What an attempt logged beyond the step that a later one continued from was undone, and is left out.
    """
    curve = _match_curve(session, access, run_id)
    if every == 1:
        statement = select(RunMetric).where(*curve, RunMetric.step > after_step).order_by(RunMetric.step)
    else:
        statement = _thin(curve, after_step, every)
    return list(session.scalars(statement.limit(limit)))


def read_shape(
    session: Session, access: AccessScope, run_id: str, *, after_step: int = 0, most: int = 1000
) -> list[RunMetric]:
    """The shape of the curve after a step in at most so many rows: its ends and, of equal parts, where loss and accuracy
    were least and greatest. A spike is never lost to thinning.
    """
    curve = (*_match_curve(session, access, run_id), RunMetric.step > after_step)
    extent = select(func.count(), func.min(RunMetric.step), func.max(RunMetric.step)).where(*curve)
    count, first, last = session.execute(extent).one()
    if count > most:
        steps = _find_extremes(session, curve, first, last, max(1, (most - 2) // len(EXTREMES)))
        curve = (*curve, RunMetric.step.in_(steps | {first, last}))
    return list(session.scalars(select(RunMetric).where(*curve).order_by(RunMetric.step)))


def _find_extremes(
    session: Session, curve: Sequence[ColumnElement[bool]], first: int, last: int, parts: int
) -> set[int]:
    """The steps at which something was least or greatest in each of so many equal parts of the curve."""
    part = func.width_bucket(RunMetric.step, first, last + 1, parts)
    found = session.execute(select(*(_find_step(order) for order in EXTREMES)).where(*curve).group_by(part))
    return {step for row in found for step in row}


def _find_step(order: UnaryExpression[Any]) -> ColumnElement[int]:
    return func.array_agg(aggregate_order_by(RunMetric.step, order, RunMetric.step))[1]


def _match_curve(session: Session, access: AccessScope, run_id: str) -> tuple[ColumnElement[bool], ...]:
    run = select(Run.id).where(Run.id == run_id, visible_to(access, Run)).scalar_subquery()  # looked up once a query
    return RunMetric.run_id == run, not_(_match_undone(session, access, run_id))


def _match_undone(session: Session, access: AccessScope, run_id: str) -> ColumnElement[bool]:
    job = select(Job.id).where(Job.run_id == run_id, visible_to(access, Job)).scalar_subquery()
    begun = select(JobAttempt.attempt, JobAttempt.first_step).where(JobAttempt.job_id.in_(job))
    later = session.execute(begun.where(JobAttempt.attempt > 1, JobAttempt.first_step.is_not(None))).all()
    return or_(false(), *(and_(RunMetric.attempt < attempt, RunMetric.step > step) for attempt, step in later))


def _thin(curve: Sequence[ColumnElement[bool]], after_step: int, every: int) -> Select[RunMetric]:
    """The last row of each bucket, found by steps from bucket to bucket through the index: rows between cost nothing."""

    def first_after(step: ColumnElement[int] | int) -> ColumnElement[int]:
        return select(func.min(RunMetric.step)).where(*curve, RunMetric.step > step).scalar_subquery()

    def end(step: ColumnElement[int]) -> ColumnElement[int]:
        return ((step - 1) // every + 1) * every

    buckets = select(first_after(after_step).cast(BigInteger).label("first")).cte("buckets", recursive=True)
    following = select(first_after(end(buckets.c.first))).where(buckets.c.first.is_not(None))
    buckets = buckets.union_all(following)
    inside = RunMetric.step.between(buckets.c.first, end(buckets.c.first))
    last = select(RunMetric).where(*curve, inside).order_by(RunMetric.step.desc()).limit(1).lateral()
    return select(aliased(RunMetric, last)).select_from(buckets).join(last, true()).order_by(buckets.c.first)
