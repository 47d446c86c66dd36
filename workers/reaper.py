"""The reaper: requeues jobs whose worker stopped responding, announces queued ones again, counts all."""

import threading
import time
from collections.abc import Callable
from functools import partial

import structlog
from celery import Celery
from sqlalchemy.orm import Session

from services.registry.db.database import Database
from services.registry.errors import BrokerUnavailable, RegistryError, WorkerLost
from services.registry.jobs import carries, job_counts, presence, queue, rescue, retention
from services.registry.jobs.queue import Announcement
from services.registry.jobs.rescue import Rescue
from services.registry.jobs.retention import Limits
from services.registry.metrics.metrics import ReaperMetrics
from services.registry.settings import Settings
from services.registry.states import JobKind, Outcome
from services.registry.storage.storage import Storage
from services.registry.submissions import idempotency
from services.registry.tracing import spans
from trm.errors import StorageFull
from workers.retention import clear_out

MOST_AT_ONCE = 1000
REMOVED_AT_ONCE = 500  # rows: a batch locks them for some milliseconds
REMOVING_SECONDS = 60.0  # between two looks at what is old, unless there is more of it
RETIRED_SECONDS = 60.0  # a worker deletes what it has retired at once
log = structlog.get_logger()


class Reaper:
    """Safe to run twice: rows are locked while they are processed."""

    def __init__(self, settings: Settings, database: Database, app: Celery, metrics: ReaperMetrics) -> None:
        self.settings, self.database, self.app, self.metrics = settings, database, app, metrics
        self.storage = Storage.of(settings)
        self._removes_at = 0.0  # by the monotonic clock

    def run(self, stopping: threading.Event) -> None:
        """Make rounds until told to stop; a database or broker that is away, or has no room, is tried again next round."""
        while not stopping.is_set():
            try:
                self.make_round()
            except (RegistryError, StorageFull) as error:
                log.warning("reaper.round_failed", code=error.code, reason=str(error))
            stopping.wait(self.settings.reaper_interval_seconds)

    def make_round(self) -> None:
        """Rescue, end what waited too long, announce, clear out, count."""
        with self.database.transaction() as session:
            rescued = rescue.rescue_expired(session)
            expired = rescue.fail_expired(session)
        for row in expired:
            self.metrics.jobs_expired.labels(row.kind.value).inc()
            log.info("job.expired", job_id=row.id)
        for job in rescued:
            self.metrics.lease_expirations.labels(job.kind.value).inc()
            _record_lost(job)
            log.warning(
                "job.rescued", job_id=job.job_id, attempt=job.attempt, worker=job.worker, status=job.status.value
            )
        self._announce()
        self._clear_out()
        self._remove_old()
        with self.database.transaction() as session:
            self.metrics.observe(job_counts.take(session))
        if self.storage.is_local:
            self.metrics.storage_free.set(self.storage.free_bytes())
            self.metrics.storage_floor.set(self.storage.min_free_bytes)
        self.metrics.last_heartbeat.set_to_current_time()

    def _clear_out(self) -> None:
        """What a training worker retired and did not delete before it ended; expired idempotency keys."""
        if deleted := clear_out(self.database, self.storage, seconds=RETIRED_SECONDS):
            log.info("checkpoints.deleted", count=deleted)
        with self.database.transaction() as session:
            idempotency.forget_old(session)
            presence.forget_lost(session)

    def _remove_old(self) -> None:
        """Everything that is kept no longer, batch by batch, and for no longer than a round may take."""
        begun, more = time.monotonic(), True
        if begun < self._removes_at:
            return
        while more and time.monotonic() < begun + self.settings.reaper_interval_seconds:
            more = self._remove_batches()
        self._removes_at = time.monotonic() + (0.0 if more else REMOVING_SECONDS)

    def _remove_batches(self) -> bool:
        """One batch of each kind of row; whether there may be more."""
        settings, more = self.settings, False
        jobs = Limits(settings.keep_jobs_days, settings.keep_jobs)
        events = Limits(settings.keep_events_days, settings.keep_events)
        audit = Limits(settings.keep_audit_days, settings.keep_audit)
        hours, most_bytes = settings.keep_carries_hours, settings.keep_carries_bytes
        for what, remove in (
            *(("jobs", partial(retention.remove_jobs, kind=kind, limits=jobs)) for kind in JobKind),
            ("events", partial(retention.remove_events, limits=events)),
            ("carries", partial(carries.remove, hours=hours, most_bytes=most_bytes)),
            ("audit", partial(retention.remove_audit, limits=audit)),
        ):
            with self.database.transaction() as session:
                removed = remove(session, batch=REMOVED_AT_ONCE)
            self.metrics.removed.labels(what).inc(removed)
            more = more or removed == REMOVED_AT_ONCE
        return more

    def _announce(self) -> None:
        """Announce what never was, and again what may be lost; a broker that is away is tried again next round."""
        try:
            self._publish(rescue.never_announced)
            for kind in JobKind:
                self._announce_again(kind)
        except BrokerUnavailable as error:
            log.warning("reaper.broker_away", reason=str(error))

    def _announce_again(self, kind: JobKind) -> None:
        """Announce only as many jobs as messages are missing: a queue that is merely long would fill the broker with copies."""
        with self.database.transaction() as session:
            due = job_counts.due(session, kind)
        missing = due - queue.messages_waiting(self.app, kind) if due else 0
        if missing > 0:
            seconds, limit = self.settings.republish_seconds, min(missing, MOST_AT_ONCE)
            self._publish(lambda session: rescue.long_announced(session, kind, seconds, limit))

    def _publish(self, find: Callable[[Session], list[Announcement]]) -> None:
        with self.database.transaction() as session:
            found = find(session)
            queue.publish_all(self.app, found)
            rescue.mark_published(session, [announcement.job_id for announcement in found])
        for announcement in found:
            self.metrics.jobs_republished.labels(announcement.kind.value).inc()


def _record_lost(job: Rescue) -> None:
    """The span of an attempt whose worker can no longer report it."""
    if job.lease_token is not None:
        span = spans.start_attempt(
            job.kind.value,
            job.job_id,
            job.attempt,
            lease_token=job.lease_token,
            traceparent=job.traceparent,
            started_at=job.started_at,
        )
        span.set_attributes({"trm.worker": job.worker, "trm.outcome": Outcome.LOST.value})
        spans.mark_failed(span, WorkerLost.code)
        span.end()
