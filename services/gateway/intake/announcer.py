"""Tells the workers of committed jobs, in a thread of its own: the request that made a job does not wait for it."""

from collections.abc import Sequence

import structlog
from celery import Celery

from services.gateway.intake.batches import Batches
from services.registry.db.database import Database
from services.registry.db.tables import Job
from services.registry.errors import RegistryError
from services.registry.jobs import queue, rescue
from services.registry.jobs.queue import Announcement

MOST_AT_ONCE = 200
log = structlog.get_logger()


class Announcer:
    """One thread with one connection to the broker.

    What it does not get rid of, because the broker is away or the gateway dies, stays without `published_at` in the row,
    and the reaper announces it.
    """

    def __init__(self, database: Database, app: Celery) -> None:
        self._database, self._app = database, app
        self._batches = Batches[Announcement]("announcer", self._announce, MOST_AT_ONCE)
        self.start, self.close = self._batches.start, self._batches.close

    def tell(self, job: Job) -> None:
        """Announce a committed job soon; returns at once."""
        self._batches.put(Announcement(job.id, job.kind))

    def _announce(self, batch: Sequence[Announcement]) -> None:
        try:
            queue.publish_all(self._app, batch)
            with self._database.transaction() as session:
                rescue.mark_published(session, [one.job_id for one in batch])
        except RegistryError as error:
            log.warning("jobs.not_announced", count=len(batch), code=error.code, reason=str(error))
        except Exception:  # this thread outlives whatever happens to a batch
            log.exception("jobs.not_announced", count=len(batch))
