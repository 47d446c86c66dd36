"""Which workers and reapers run: each records it every few seconds, with the address of its metrics."""

from dataclasses import asdict, dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.registry.db.operations_tables import WorkerProcess

WATCHED_SECONDS = 3_600  # after its last sign of life: an alert tells of one that is gone without having been stopped


@dataclass(frozen=True)
class Presence:
    """What a process says of itself."""

    name: str
    role: str
    metrics: str  # host:port
    device: str
    cores: int


def record(session: Session, presence: Presence) -> None:
    """Record that the process runs."""
    row = insert(WorkerProcess).values(asdict(presence))
    session.execute(row.on_conflict_do_update(index_elements=["name"], set_={"seen_at": func.now()}))


def forget(session: Session, name: str) -> None:
    """It was stopped cleanly."""
    session.execute(delete(WorkerProcess).where(WorkerProcess.name == name))


def list_watched(session: Session) -> list[WorkerProcess]:
    """Those that run, or have not been stopped cleanly."""
    lately = WorkerProcess.seen_at > func.now() - timedelta(seconds=WATCHED_SECONDS)
    return list(session.scalars(select(WorkerProcess).where(lately).order_by(WorkerProcess.name)))


def forget_lost(session: Session) -> None:
    """Remove those that have not been seen for too long."""
    lost = WorkerProcess.seen_at < func.now() - timedelta(seconds=2 * WATCHED_SECONDS)
    session.execute(delete(WorkerProcess).where(lost))
