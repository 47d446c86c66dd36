"""Evaluations of a run: its accuracy on a split, at a step."""

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from services.registry.access.visibility import AccessScope, visible_to
from services.registry.db.base import Json
from services.registry.db.tables import Run, RunEvaluation
from services.registry.jobs import leases

COLUMNS = tuple(
    column.key for column in RunEvaluation.__table__.columns if column.key not in ("run_id", "attempt", "created_at")
)


def add(session: Session, claim: leases.Claim, event: Json) -> None:
    """Record the trainer's `evaluated` event; one recorded already stays as it is. Raises StaleLease."""
    leases.hold(session, claim)
    values = {name: event[name] for name in COLUMNS}
    row = {"run_id": claim.training_run, "attempt": claim.attempt, **values}
    session.execute(insert(RunEvaluation).values(row).on_conflict_do_nothing())
    session.execute(update(Run).where(Run.id == claim.training_run).values(exact_accuracy=event["exact_accuracy"]))


def read(
    session: Session, access: AccessScope, run_id: str, *, after_step: int = -1, limit: int = 1000
) -> list[RunEvaluation]:
    """The run's evaluations in order of step, validation before test; of one made by several attempts, the latest."""
    statement = (
        select(RunEvaluation)
        .where(RunEvaluation.run_id == run_id, RunEvaluation.step > after_step, visible_to(access, RunEvaluation))
        .ext(distinct_on(RunEvaluation.step, RunEvaluation.split))
        .order_by(RunEvaluation.step, RunEvaluation.split.desc(), RunEvaluation.attempt.desc())
        .limit(limit)
    )
    return list(session.scalars(statement))
