"""Evaluations of a run: its accuracy on a split, at a step."""

from sqlalchemy import case, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from services.registry.access.visibility import AccessScope, visible_to
from services.registry.db.base import Json
from services.registry.db.pages import Page, cut, decode_mark
from services.registry.db.tables import Run, RunEvaluation
from services.registry.jobs import leases

NAME = RunEvaluation.__tablename__
COLUMNS = tuple(
    column.key
    for column in RunEvaluation.__table__.columns
    if column.key not in ("run_id", "attempt", "created_at", "report")
)


def add(session: Session, claim: leases.Claim, event: Json) -> None:
    """Record the trainer's `evaluated` event; one recorded already stays as it is. Raises StaleLease."""
    leases.hold(session, claim)
    values = {name: event[name] for name in COLUMNS} | {"report": event.get("report")}  # older trainers make none
    row = {"run_id": claim.training_run, "attempt": claim.attempt, **values}
    session.execute(insert(RunEvaluation).values(row).on_conflict_do_nothing())
    session.execute(update(Run).where(Run.id == claim.training_run).values(exact_accuracy=event["exact_accuracy"]))


def page(
    session: Session,
    access: AccessScope,
    run_id: str,
    *,
    cursor: str | None = None,
    limit: int = 100,
    newest_first: bool = False,
) -> Page[RunEvaluation]:
    """A page of the run's evaluations by step, validation before test; of one made by several attempts, the latest.

    Newest first is the same order backwards. Raises InvalidCursor.
    """
    kind = case((RunEvaluation.split == "test", 1), else_=0)
    place = tuple_(RunEvaluation.step, kind)
    forwards = (RunEvaluation.step, kind)
    order = [part.desc() for part in forwards] if newest_first else forwards
    where = f"{NAME}, newest first" if newest_first else NAME
    statement = (
        select(RunEvaluation)
        .where(RunEvaluation.run_id == run_id, visible_to(access, RunEvaluation))
        .ext(distinct_on(*forwards))
        .order_by(*order, RunEvaluation.attempt.desc())
        .limit(limit + 1)
    )
    if cursor is not None:
        mark = tuple_(*map(literal, decode_mark(where, cursor, int, int)))
        statement = statement.where(place < mark if newest_first else place > mark)
    rows = session.scalars(statement).all()
    return cut(rows, limit, where, lambda last: [last.step, int(last.split == "test")])
