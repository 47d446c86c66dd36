"""Heartbeats for a job while its thread waits for something else: for files of a storage that may be far away."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from services.registry.errors import DatabaseUnavailable, StaleLease
from services.registry.jobs import leases
from trm.errors import StorageFull
from workers.context import Metrics, Worker


@contextmanager
def kept_alive(worker: Worker[Metrics], claim: leases.Claim) -> Iterator[None]:
    """Extend the lease for the duration of the block; the next write learns that it is lost, or what is wanted."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(worker, claim, over), name="heartbeats", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(worker: Worker[Metrics], claim: leases.Claim, over: threading.Event) -> None:
    while not over.wait(worker.settings.heartbeat_seconds):
        with suppress(DatabaseUnavailable, StorageFull):
            try:
                with worker.database.transaction() as session:
                    leases.heartbeat(session, claim)
            except StaleLease:
                return
            worker.metrics.last_heartbeat.set_to_current_time()
