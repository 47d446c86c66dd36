"""Records every few seconds that this process runs, for monitoring and for estimates of training times."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from services.registry.db.database import Database
from services.registry.errors import RegistryError
from services.registry.jobs import presence
from services.registry.jobs.presence import Presence
from services.registry.settings import Settings
from trm.errors import StorageFull
from trm.network.cores import available

SECONDS = 10.0
ANY = ("0.0.0.0", "::", "")  # noqa: S104 - addresses that a server listens on, not where it is
log = structlog.get_logger()


@contextmanager
def announced(database: Database, told: Presence) -> Iterator[None]:
    """Register this process for the duration of the block."""
    stopping = threading.Event()
    thread = threading.Thread(target=_run, args=(database, told, stopping), name="presence", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(SECONDS)
        with suppress(RegistryError, StorageFull), database.transaction() as session:
            presence.forget(session, told.name)


def of_this_process(settings: Settings, name: str, role: str, port: int) -> Presence:
    """What is to be said of it."""
    metrics = f"{_address(settings.worker_metrics_host)}:{port}"
    return Presence(name, role, metrics, _device(settings.device), available(settings.threads))


def _run(database: Database, told: Presence, stopping: threading.Event) -> None:
    while True:
        try:
            with database.transaction() as session:
                presence.record(session, told)
        except (RegistryError, StorageFull) as error:
            log.warning("presence.not_recorded", code=error.code)
        if stopping.wait(SECONDS):
            return


def _address(host: str) -> str:
    """Where others reach this process; a container's own address where it listens on all."""
    if host not in ANY:
        return host
    name = socket.gethostname()
    try:
        return socket.gethostbyname(name)
    except OSError:
        return name


def _device(asked: str) -> str:
    """Without loading torch, which takes seconds and memory: the kernel lists its GPUs."""
    if asked != "auto":
        return asked.partition(":")[0]
    return "cuda" if any(Path("/dev").glob("nvidia[0-9]*")) else "cpu"
