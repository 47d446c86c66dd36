"""Which workers and reapers run: each records it every few seconds, with the address of its metrics."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.registry.db.base import Json
from services.registry.db.operations_tables import WorkerProcess
from services.registry.db.pages import Page, cut, decode_mark
from services.registry.jobs.requirements import Capabilities

NAME = WorkerProcess.__tablename__
ALIVE_SECONDS = 60  # since the last heartbeat, which comes every ten
WATCHED_SECONDS = 3_600  # after its last heartbeat: an alert reports one that ended without being stopped


@dataclass(frozen=True)
class Presence:
    """Registration of a process."""

    name: str
    role: str
    metrics: str  # host:port
    cores: int
    offers: Capabilities
    concurrency: int = 1  # jobs at once

    @property
    def columns(self) -> Json:
        """As it is recorded."""
        own = {"name": self.name, "role": self.role, "metrics": self.metrics, "cores": self.cores}
        return own | {"concurrency": self.concurrency} | asdict(self.offers)


def record(session: Session, presence: Presence, slots_busy: int | None = None) -> None:
    """Note that it lives, and how many of its slots are in use if it has any."""
    now = {"slots_busy": slots_busy}
    row = insert(WorkerProcess).values(presence.columns | now)
    session.execute(row.on_conflict_do_update(index_elements=["name"], set_=now | {"seen_at": func.now()}))


def forget(session: Session, name: str) -> None:
    """Remove the process, which was stopped cleanly."""
    session.execute(delete(WorkerProcess).where(WorkerProcess.name == name))


def list_watched(session: Session) -> list[WorkerProcess]:
    """Processes that run, or ended without stopping cleanly."""
    return list(session.scalars(_select_watched()))


def page(session: Session, *, cursor: str | None = None, limit: int = 20) -> Page[WorkerProcess]:
    """A page of the same, by name; raises InvalidCursor."""
    after = "" if cursor is None else decode_mark(NAME, cursor, str)[0]
    rows = session.scalars(_select_watched().where(WorkerProcess.name > after).limit(limit + 1)).all()
    return cut(rows, limit, NAME, lambda last: [last.name])


def _select_watched() -> Select[WorkerProcess]:
    lately = WorkerProcess.seen_at > func.now() - timedelta(seconds=WATCHED_SECONDS)
    return select(WorkerProcess).where(lately).order_by(WorkerProcess.name)


def now(session: Session) -> datetime:
    """The moment by the clock that signs of life are dated with."""
    return session.scalars(select(func.now())).one()


def is_alive() -> ColumnElement[bool]:
    """Whether the worker of the row has given a sign of life lately."""
    return WorkerProcess.seen_at > func.now() - timedelta(seconds=ALIVE_SECONDS)


def forget_lost(session: Session) -> None:
    """Remove those that have not been seen for too long."""
    lost = WorkerProcess.seen_at < func.now() - timedelta(seconds=2 * WATCHED_SECONDS)
    session.execute(delete(WorkerProcess).where(lost))
