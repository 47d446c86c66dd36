"""Checkpoints: a row exists only for one that is complete in the storage, or that was retired and is to be deleted there."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.registry.access.visibility import AccessScope, visible_to
from services.registry.db.base import Json
from services.registry.db.ids import new_id
from services.registry.db.pages import Page, newest_first
from services.registry.db.tables import Checkpoint, Job, ModelVersion, Run
from services.registry.errors import CheckpointInUse
from services.registry.jobs import leases
from services.registry.runs import runs
from services.registry.states import JobKind
from trm.config.run import RunConfig
from trm.errors import CheckpointNotFound


def add(
    session: Session, claim: leases.Claim, *, step: int, url: str, digest: str, size: int, metrics: Json
) -> Checkpoint:
    """Record a stored checkpoint of the claim's run; the same one twice is recorded once. Raises StaleLease."""
    leases.hold(session, claim)
    key = {"run_id": claim.training_run, "attempt": claim.attempt, "step": step}
    values = {"id": new_id("ckpt"), **key, "url": url, "digest": digest, "bytes": size, "metrics": metrics}
    session.execute(insert(Checkpoint).values(values).on_conflict_do_nothing())
    return session.scalars(select(Checkpoint).filter_by(**key)).one()


def add_uploaded(
    session: Session, run_id: str, *, step: int, url: str, digest: str, size: int, metrics: Json
) -> Checkpoint:
    """Record a stored model that no training here has made, as the only checkpoint of its run."""
    place = {"run_id": run_id, "attempt": 0, "step": step}
    row = Checkpoint(id=new_id("ckpt"), **place, url=url, digest=digest, bytes=size, metrics=metrics)
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def get(session: Session, access: AccessScope, checkpoint_id: str) -> Checkpoint:
    """The checkpoint; raises CheckpointNotFound, also when it was retired."""
    found = select(Checkpoint).where(Checkpoint.id == checkpoint_id, _KEPT, visible_to(access, Checkpoint))
    checkpoint = session.scalar(found)
    if checkpoint is None:
        raise not_found(checkpoint_id)
    return checkpoint


def config_of(session: Session, access: AccessScope, checkpoint_id: str) -> RunConfig:
    """What the checkpoint was trained with; raises CheckpointNotFound."""
    run = runs.get(session, access, get(session, access, checkpoint_id).run_id)
    return RunConfig.model_validate(run.config)


def page(
    session: Session, access: AccessScope, *, run_id: str | None = None, cursor: str | None = None, limit: int = 20
) -> Page[Checkpoint]:
    """A page of checkpoints, of one run or of all, newest first; raises InvalidCursor."""
    statement = select(Checkpoint).where(_KEPT, visible_to(access, Checkpoint))
    if run_id is not None:
        statement = statement.where(Checkpoint.run_id == run_id)
    return newest_first(session, statement, Checkpoint, cursor, limit)


def furthest_first(session: Session, access: AccessScope, run_id: str, limit: int = 10) -> list[Checkpoint]:
    """The run's checkpoints in the order in which to try to resume from them."""
    statement = select(Checkpoint).where(Checkpoint.run_id == run_id, _KEPT, visible_to(access, Checkpoint))
    return list(session.scalars(statement.order_by(*_FURTHEST_FIRST).limit(limit)))


def newest(session: Session, access: AccessScope, run_id: str) -> Checkpoint:
    """The run's furthest checkpoint; raises CheckpointNotFound when it has none yet."""
    found = furthest_first(session, access, run_id, limit=1)
    if not found:
        raise CheckpointNotFound(f"The run {run_id[:100]!r} has no checkpoint yet.")
    return found[0]


def urls(session: Session, run_id: str) -> set[str]:
    """Locations of all the run's checkpoints, retired ones included."""
    return set(session.scalars(select(Checkpoint.url).where(Checkpoint.run_id == run_id)))


def retire(session: Session, claim: leases.Claim, keep: int) -> None:
    """Retire the checkpoints of the claim's run that are not needed.

    Kept are the last `keep`, the best, and those that a job or a run began with. A transaction that is about to use one
    holds its row, and is waited for. Raises StaleLease.
    """
    leases.hold(session, claim)
    kept = select(Checkpoint).where(Checkpoint.run_id == claim.training_run, _KEPT).order_by(*_FURTHEST_FIRST)
    rows = list(session.scalars(kept.with_for_update()))
    best = max(rows, key=_rank_by_accuracy, default=None)
    spare = [row.id for row in rows[keep:] if row is not best]
    if spare:
        session.execute(update(Checkpoint).where(Checkpoint.id.in_(spare), _is_unused()).values(retired_at=func.now()))


def withdraw(session: Session, access: AccessScope, checkpoint_id: str) -> None:
    """Retire a checkpoint because its owner does not want it; raises CheckpointNotFound or CheckpointInUse."""
    mine = (Checkpoint.id == checkpoint_id, _KEPT, visible_to(access, Checkpoint))
    locked = select(Checkpoint).where(*mine).with_for_update()
    row = session.scalars(locked.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise not_found(checkpoint_id)
    unused = select(Checkpoint.id).where(Checkpoint.id == checkpoint_id, _is_unused())
    if session.scalar(unused) is None:
        raise CheckpointInUse(f"Jobs, runs or models that are kept here use {checkpoint_id}.")
    if _is_training(session, row.run_id) and newest(session, access, row.run_id).id == row.id:
        raise CheckpointInUse(f"{checkpoint_id} is what the training of {row.run_id} would resume from.")
    row.retired_at = func.now()


def _is_training(session: Session, run_id: str) -> bool:
    begun = (Job.run_id == run_id, Job.kind == JobKind.TRAIN, Job.finished_at.is_(None))
    return session.scalar(select(Job.id).where(*begun).limit(1)) is not None


def hold(session: Session, checkpoint_ids: Collection[str]) -> set[str]:
    """Lock these checkpoints until the transaction ends; returns those that exist."""
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
    of_runs = set(session.scalars(gone.returning(Checkpoint.run_id).execution_options(synchronize_session=False)))
    emptied = ~or_(
        select(Checkpoint.id).where(Checkpoint.run_id == Run.id).exists(),
        select(Job.id).where(Job.run_id == Run.id).exists(),
    )
    uploaded = delete(Run).where(Run.id.in_(of_runs), emptied)  # a training's run stays with its job
    session.execute(uploaded.execution_options(synchronize_session=False))


_KEPT = Checkpoint.retired_at.is_(None)
_FURTHEST_FIRST = (Checkpoint.step.desc(), Checkpoint.attempt.desc())


def _is_unused() -> ColumnElement[bool]:
    solving = select(Job.id).where(Job.model_id == Checkpoint.id).exists()
    begun = select(Run.id).where(Run.parent_checkpoint_id == Checkpoint.id).exists()
    promoted = select(ModelVersion.id).where(ModelVersion.checkpoint_id == Checkpoint.id).exists()
    return ~or_(solving, begun, promoted)


def _rank_by_accuracy(checkpoint: Checkpoint) -> float:
    """Accuracy, for comparison; of two equal checkpoints the later one comes first and is kept."""
    accuracy = checkpoint.metrics.get("exact_accuracy")
    return -1.0 if accuracy is None else float(accuracy)
