"""Checkpoints: a row exists only for one that is complete in the storage."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.registry import leases
from services.registry.base import Json
from services.registry.errors import CheckpointNotFound
from services.registry.ids import new_id
from services.registry.lookup import find
from services.registry.pages import Page, newest_first
from services.registry.tables import Checkpoint


def add(
    session: Session, claim: leases.Claim, *, step: int, url: str, digest: str, size: int, metrics: Json
) -> Checkpoint:
    """Record a stored checkpoint of the claim's run; the same one twice is recorded once. Raises StaleLease."""
    leases.hold(session, claim)
    key = {"run_id": claim.training_run, "attempt": claim.attempt, "step": step}
    values = {"id": new_id("ckpt"), **key, "url": url, "digest": digest, "bytes": size, "metrics": metrics}
    session.execute(insert(Checkpoint).values(values).on_conflict_do_nothing())
    return session.scalars(select(Checkpoint).filter_by(**key)).one()


def get(session: Session, checkpoint_id: str) -> Checkpoint:
    """The checkpoint; raises CheckpointNotFound."""
    checkpoint = find(session, Checkpoint, checkpoint_id)
    if checkpoint is None:
        raise CheckpointNotFound(f"There is no checkpoint {checkpoint_id[:100]!r}.")
    return checkpoint


def page(
    session: Session, *, run_id: str | None = None, cursor: str | None = None, limit: int = 20
) -> Page[Checkpoint]:
    """A page of checkpoints, of one run or of all, youngest first; raises InvalidCursor."""
    statement = select(Checkpoint)
    if run_id is not None:
        statement = statement.where(Checkpoint.run_id == run_id)
    return newest_first(session, statement, Checkpoint.created_at, Checkpoint.id, cursor, limit)


def furthest_first(session: Session, run_id: str, limit: int = 10) -> list[Checkpoint]:
    """The run's checkpoints in the order in which to try to resume from them."""
    statement = select(Checkpoint).where(Checkpoint.run_id == run_id)
    return list(session.scalars(statement.order_by(Checkpoint.step.desc(), Checkpoint.attempt.desc()).limit(limit)))


def newest(session: Session, run_id: str) -> Checkpoint:
    """The run's furthest checkpoint; raises CheckpointNotFound when it has none yet."""
    found = furthest_first(session, run_id, limit=1)
    if not found:
        raise CheckpointNotFound(f"The run {run_id[:100]!r} has no checkpoint yet.")
    return found[0]
