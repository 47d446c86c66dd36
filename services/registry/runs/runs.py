"""Runs: one training each, across every attempt at it."""

from collections.abc import Sequence

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from services.registry.access.visibility import AccessScope, visible_to
from services.registry.db.base import Json
from services.registry.db.ids import LOCAL_OWNER, new_id
from services.registry.db.labels import NONE, Labels, conditions
from services.registry.db.pages import Page, newest_first
from services.registry.db.tables import Run
from services.registry.errors import RunNotFound
from services.registry.jobs import attempts, leases
from trm.config.run import RunConfig


def new_row(config: RunConfig, *, labels: Labels = NONE, parent: str | None = None, owner: str = LOCAL_OWNER) -> Json:
    """The columns of a new run, with its id, for `insert_rows`."""
    return {
        "id": new_id("run"),
        "owner": owner,
        **labels.columns,
        "preset": config.preset,
        "dataset": config.dataset,
        "config": config.model_dump(mode="json"),
        "total_steps": config.train.steps,
        "parent_checkpoint_id": parent,
    }


def insert_rows(session: Session, rows: Sequence[Json]) -> None:
    """Record new runs with one statement."""
    session.execute(insert(Run), rows)


def get(session: Session, access: AccessScope, run_id: str) -> Run:
    """The run; raises RunNotFound."""
    run = session.scalar(select(Run).where(Run.id == run_id, visible_to(access, Run)))
    if run is None:
        raise RunNotFound(f"There is no run {run_id[:100]!r}.")
    return run


def find_named(session: Session, access: AccessScope, name: str) -> str | None:
    """The newest run that was given this name, if there is one."""
    newest = select(Run.id).where(Run.name == name, visible_to(access, Run)).order_by(Run.created_at.desc())
    return session.scalar(newest.limit(1))


def page(
    session: Session, access: AccessScope, *, labels: Labels = NONE, cursor: str | None = None, limit: int = 20
) -> Page[Run]:
    """A page of runs, newest first; raises InvalidCursor."""
    statement = select(Run).where(visible_to(access, Run), *conditions(Run, labels))
    return newest_first(session, statement, Run, cursor, limit)


def record_start(session: Session, claim: leases.Claim, *, step: int, parameters: int, device: str) -> None:
    """Note what is known once an attempt trains: where it continues from, the model's size, the device.

    Raises StaleLease.
    """
    attempts.record_first_step(session, claim, step)
    known = {"step": step, "parameters": parameters, "device": device}
    session.execute(update(Run).where(Run.id == claim.training_run).values(known))
