"""The reaper: brings back jobs whose worker fell silent, announces queued ones again, counts them all."""

import threading

import structlog
from celery import Celery

from services.registry import census, queue, rescue
from services.registry.database import Database
from services.registry.errors import BrokerUnavailable, RegistryError
from services.registry.metrics import ReaperMetrics
from services.registry.settings import Settings

log = structlog.get_logger()


class Reaper:
    """Safe to run twice: rows are locked while they are dealt with."""

    def __init__(self, settings: Settings, database: Database, app: Celery, metrics: ReaperMetrics) -> None:
        self.settings, self.database, self.app, self.metrics = settings, database, app, metrics

    def run(self, stopping: threading.Event) -> None:
        """Make rounds until told to stop; a database or broker that is away is tried again next round."""
        while not stopping.is_set():
            try:
                self.make_round()
            except RegistryError as error:
                log.warning("reaper.round_failed", code=error.code, reason=str(error))
            stopping.wait(self.settings.reaper_interval_seconds)

    def make_round(self) -> None:
        """Rescue, announce, count."""
        with self.database.transaction() as session:
            rescued = rescue.rescue_expired(session)
        for job in rescued:
            self.metrics.lease_expirations.labels(job.kind.value).inc()
            log.warning(
                "job.rescued", job_id=job.job_id, attempt=job.attempt, worker=job.worker, status=job.status.value
            )
        self._announce()
        with self.database.transaction() as session:
            self.metrics.observe(census.take(session))
        self.metrics.last_heartbeat.set_to_current_time()

    def _announce(self) -> None:
        with self.database.transaction() as session:
            sent = []
            try:
                for job in rescue.stale_queued(session, self.settings.republish_seconds):
                    queue.publish(self.app, job.kind, job.job_id)
                    self.metrics.jobs_republished.labels(job.kind.value).inc()
                    sent.append(job.job_id)
            except BrokerUnavailable as error:
                log.warning("reaper.broker_away", reason=str(error))
            rescue.mark_published(session, sent)
