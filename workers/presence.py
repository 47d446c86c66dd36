"""Records every few seconds that this process runs, for monitoring and for estimates of training times."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog

from services.registry.db.database import Database
from services.registry.errors import RegistryError
from services.registry.jobs import presence
from services.registry.jobs.presence import Presence
from services.registry.jobs.requirements import Capabilities
from services.registry.settings import Settings
from trm.errors import StorageFull
from trm.network.cores import available

SECONDS = 10.0
ANY = ("0.0.0.0", "::", "")  # noqa: S104 - addresses that a server listens on, not where it is
log = structlog.get_logger()


@contextmanager
def announced(
    database: Database, process: Presence, slots_busy: Callable[[], int | None] = lambda: None
) -> Iterator[None]:
    """Register this process, with its slots in use, for the duration of the block."""
    stopping = threading.Event()
    thread = threading.Thread(target=_run, args=(database, process, slots_busy, stopping), name="presence", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(SECONDS)
        with suppress(RegistryError, StorageFull), database.transaction() as session:
            presence.forget(session, process.name)


def of_this_process(settings: Settings, name: str, role: str, port: int, offers: Capabilities) -> Presence:
    """The registration of this process."""
    metrics = f"{_find_address(settings.worker_metrics_host)}:{port}"
    concurrency = {"train": 1, "solve": settings.solve_concurrency}.get(role, 0)
    return Presence(name, role, metrics, available(settings.threads), offers, concurrency)


def _run(
    database: Database, process: Presence, slots_busy: Callable[[], int | None], stopping: threading.Event
) -> None:
    while True:
        try:
            with database.transaction() as session:
                presence.record(session, process, slots_busy())
        except (RegistryError, StorageFull) as error:
            log.warning("presence.not_recorded", code=error.code)
        if stopping.wait(SECONDS):
            return


def _find_address(host: str) -> str:
    """Address at which others reach this process; a container's own where it listens on all."""
    if host not in ANY:
        return host
    name = socket.gethostname()
    try:
        return socket.gethostbyname(name)
    except OSError:
        return name
