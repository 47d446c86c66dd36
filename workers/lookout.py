"""Looks for jobs that ask for something of their worker: the message may have gone to one that does not fit, and is dropped there."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from celery import Celery

from services.registry.access.visibility import EVERYTHING
from services.registry.errors import RegistryError
from services.registry.jobs import jobs, leases, queue
from services.registry.states import JobKind
from trm.errors import StorageFull
from workers.context import Metrics, Worker

log = structlog.get_logger()


@contextmanager
def looking_out(worker: Worker[Metrics], app: Celery, kinds: Sequence[JobKind], concurrency: int) -> Iterator[None]:
    """For the duration of the block, tell this worker of such jobs whenever it is free, at every heartbeat."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(worker.settings.heartbeat_seconds):
            try:
                look(worker, app, kinds, concurrency)
            except (RegistryError, StorageFull) as error:
                log.warning("lookout.failed", code=error.code)

    thread = threading.Thread(target=run, name="lookout", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def look(worker: Worker[Metrics], app: Celery, kinds: Sequence[JobKind], concurrency: int) -> None:
    """Send this worker a message for a job of each kind that it could take now; raises DatabaseUnavailable, BrokerUnavailable."""
    with worker.database.transaction() as session:
        if len(jobs.in_hand(session, EVERYTHING).get(worker.name, ())) >= concurrency:
            return
        found = {kind: leases.find_choosy(session, kind, worker.offers) for kind in kinds}
    if wanted := [queue.Announcement(job_id, kind) for kind, job_id in found.items() if job_id is not None]:
        queue.publish_all(app, wanted, worker.queue.name)
