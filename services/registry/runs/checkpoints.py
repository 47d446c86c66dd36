"""Checkpoints: a row exists only for one that is complete in the storage, or that was retired and is to be deleted there."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.registry.db.base import Json
from services.registry.db.ids import new_id
from services.registry.db.pages import Page, newest_first
from services.registry.db.tables import Checkpoint, Job, Run
from services.registry.errors import CheckpointNotFound
from services.registry.jobs import leases
from services.registry.runs import runs
from trm.config.run import RunConfig


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
    """The checkpoint; raises CheckpointNotFound, also when it was retired."""
    checkpoint = session.get(Checkpoint, checkpoint_id)
    if checkpoint is None or checkpoint.retired_at is not None:
        raise not_found(checkpoint_id)
    return checkpoint


def config_of(session: Session, checkpoint_id: str) -> RunConfig:
    """What the checkpoint was trained with; raises CheckpointNotFound."""
    return RunConfig.model_validate(runs.get(session, get(session, checkpoint_id).run_id).config)


def page(
    session: Session, *, run_id: str | None = None, cursor: str | None = None, limit: int = 20
) -> Page[Checkpoint]:
    """A page of checkpoints, of one run or of all, newest first; raises InvalidCursor."""
    statement = select(Checkpoint).where(_KEPT)
    if run_id is not None:
        statement = statement.where(Checkpoint.run_id == run_id)
    return newest_first(session, statement, Checkpoint.created_at, Checkpoint.id, cursor, limit)


def furthest_first(session: Session, run_id: str, limit: int = 10) -> list[Checkpoint]:
    """The run's checkpoints in the order in which to try to resume from them."""
    statement = select(Checkpoint).where(Checkpoint.run_id == run_id, _KEPT)
    return list(session.scalars(statement.order_by(Checkpoint.step.desc(), Checkpoint.attempt.desc()).limit(limit)))


def newest(session: Session, run_id: str) -> Checkpoint:
    """The run's furthest checkpoint; raises CheckpointNotFound when it has none yet."""
    found = furthest_first(session, run_id, limit=1)
    if not found:
        raise CheckpointNotFound(f"The run {run_id[:100]!r} has no checkpoint yet.")
    return found[0]


def urls(session: Session, run_id: str) -> set[str]:
    """Where the files of all the run's checkpoints are, the retired ones too."""
    return set(session.scalars(select(Checkpoint.url).where(Checkpoint.run_id == run_id)))


def retire(session: Session, claim: leases.Claim, keep: int) -> None:
    """Retire the checkpoints of the claim's run that are not needed.

    Kept are the last `keep`, the best, and those that a job or a run began with. A transaction that is about to use one
    holds its row, and is waited for. Raises StaleLease.
    """
    leases.hold(session, claim)
    rows = list(
        session.scalars(
            select(Checkpoint)
            .where(Checkpoint.run_id == claim.training_run, _KEPT)
            .order_by(Checkpoint.step.desc(), Checkpoint.attempt.desc())
            .with_for_update()
        )
    )
    best = max(rows, key=_accuracy, default=None)
    spare = [row.id for row in rows[keep:] if row is not best]
    if spare:
        session.execute(update(Checkpoint).where(Checkpoint.id.in_(spare), _is_unused()).values(retired_at=func.now()))


def hold(session: Session, checkpoint_ids: Collection[str]) -> set[str]:
    """Those of these checkpoints that are there, and now stay at least until the transaction ends."""
    if not checkpoint_ids:
        return set()
    kept = select(Checkpoint.id).where(Checkpoint.id.in_(checkpoint_ids), _KEPT).order_by(Checkpoint.id)
    return set(session.scalars(kept.with_for_update(read=True, key_share=True)))


def not_found(checkpoint_id: str) -> CheckpointNotFound:
    """There is no such checkpoint, or it was retired."""
    return CheckpointNotFound(f"There is no checkpoint {checkpoint_id[:100]!r}.")


def list_retired(
    session: Session, run_id: str | None = None, *, seconds: float = 0, limit: int = 100
) -> list[Checkpoint]:
    """Checkpoints, of one run or of all, that were retired so long ago: delete their files, then `forget` them."""
    ago = Checkpoint.retired_at <= func.now() - timedelta(seconds=seconds)
    statement = select(Checkpoint).where(ago, _is_unused()).order_by(Checkpoint.retired_at).limit(limit)
    return list(session.scalars(statement if run_id is None else statement.where(Checkpoint.run_id == run_id)))


def forget(session: Session, checkpoint_ids: Collection[str]) -> None:
    """Remove the rows of retired checkpoints whose files are deleted."""
    gone = delete(Checkpoint).where(Checkpoint.id.in_(checkpoint_ids), Checkpoint.retired_at.is_not(None), _is_unused())
    session.execute(gone.execution_options(synchronize_session=False))


_KEPT = Checkpoint.retired_at.is_(None)


def _is_unused() -> ColumnElement[bool]:
    solving = select(Job.id).where(Job.model_id == Checkpoint.id).exists()
    begun = select(Run.id).where(Run.parent_checkpoint_id == Checkpoint.id).exists()
    return ~or_(solving, begun)


def _accuracy(checkpoint: Checkpoint) -> float:
    """Of two that are alike the later one is met first, and kept."""
    accuracy = checkpoint.metrics.get("exact_accuracy")
    return -1.0 if accuracy is None else float(accuracy)
