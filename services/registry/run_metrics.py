"""The curve of a run: one row a logged step, with an array entry for each supervision step."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from services.registry import leases
from services.registry.base import Json
from services.registry.tables import Run, RunMetric

KEY = ("run_id", "attempt")
COLUMNS = tuple(column.key for column in RunMetric.__table__.columns if column.key not in KEY)


def add(session: Session, claim: leases.Claim, events: Sequence[Json]) -> None:
    """Record the trainer's `step` events; those recorded already stay as they are. Raises StaleLease."""
    leases.hold(session, claim)
    if not events:
        return
    key = {"run_id": claim.training_run, "attempt": claim.attempt}
    rows = [{**key, **{name: event[name] for name in COLUMNS}} for event in events]
    session.execute(insert(RunMetric).on_conflict_do_nothing(), rows)
    session.execute(update(Run).where(Run.id == claim.training_run).values(step=max(row["step"] for row in rows)))


def read(session: Session, run_id: str, *, after_step: int = 0, limit: int = 1000, every: int = 1) -> list[RunMetric]:
    """The run's curve after a step, in order; with `every`, the last row of each so many steps.

    What an attempt logged beyond the step that a later one went on from was undone, and is left out.
    """
    bucket = (RunMetric.step - 1) // every
    statement = (
        select(RunMetric)
        .where(RunMetric.run_id == run_id, RunMetric.step > after_step, ~_was_undone(run_id))
        .ext(distinct_on(bucket))
        .order_by(bucket, RunMetric.step.desc(), RunMetric.attempt.desc())
        .limit(limit)
    )
    return list(session.scalars(statement))


def _was_undone(run_id: str) -> ColumnElement[bool]:
    first = (
        select(RunMetric.attempt, func.min(RunMetric.step).label("step"))
        .where(RunMetric.run_id == run_id)
        .group_by(RunMetric.attempt)
        .cte("first_of_attempt")
    )
    later = (first.c.attempt > RunMetric.attempt, first.c.step <= RunMetric.step)
    return select(first.c.attempt).where(*later).correlate(RunMetric).exists()
