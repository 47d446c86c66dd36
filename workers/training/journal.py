"""Brings a trainer's events into rows: collected, then written with the heartbeat in one transaction."""

import shutil
import time
from pathlib import Path
from typing import Any

import structlog

from services.registry.errors import DatabaseUnavailable, StorageUnavailable
from services.registry.jobs import job_events, leases
from services.registry.metrics.metrics import TrainMetrics
from services.registry.runs import checkpoints, evaluations, run_metrics, runs
from trm.errors import StorageFull
from workers.context import Worker
from workers.retention import clear_out

PAUSE_SECONDS = 0.5  # before a database that is away is tried again, at the end
log = structlog.get_logger()


class Journal:
    """What one attempt has to tell the database, and when it last could."""

    def __init__(self, worker: Worker[TrainMetrics], claim: leases.Claim) -> None:
        self.worker, self.claim = worker, claim
        self.step: int | None = None
        self.total_steps = 0
        self.waiting: list[dict[str, Any]] = []
        self.not_stored: StorageFull | StorageUnavailable | None = None  # why the last checkpoint is missing
        self.last_written = self.last_reached = time.monotonic()

    def take(self, event: dict[str, Any]) -> None:
        """Note one event; a checkpoint is brought into the storage first, and is lost to the run if that fails."""
        match event["event"]:
            case "updated":
                self.step = event["step"]
            case "started":
                self.step = event["step"]
                self.total_steps = event["total_steps"]
                self.waiting.append(event)
            case "checkpoint":
                if (stored := self._store(event)) is not None:
                    self.waiting.append(stored)
            case "checkpoint_failed":
                self._missing(event["step"], StorageFull(event["message"]))
            case "step":
                self._show(event)
                self.waiting.append(event)
            case "evaluating" | "evaluated" | "finished":
                self.waiting.append(event)

    @property
    def is_due(self) -> bool:
        """Whether something should be written now: rows that wait, or a sign of life."""
        settings, idle = self.worker.settings, time.monotonic() - self.last_written
        patience = settings.metrics_batch_seconds if self.waiting else settings.heartbeat_seconds
        return idle >= patience or len(self.waiting) >= settings.metrics_batch_rows

    def write(self) -> leases.Orders:
        """Write all that waits and extend the lease; what the worker is asked to do.

        Raises StaleLease. A database that is away, or has no room, is forgiven until the lease has run out.
        """
        begun = time.monotonic()
        try:
            orders = self._write()
        except (DatabaseUnavailable, StorageFull):
            if time.monotonic() - self.last_reached > self.claim.lease_seconds:
                raise
            log.warning("journal.database_away", waiting=len(self.waiting))
            return leases.Orders()
        finally:
            self.last_written = time.monotonic()  # its end: what comes during a slow write goes together into the next
        stored = any(event["event"] == "checkpoint" for event in self.waiting)
        self.waiting.clear()
        if stored:
            clear_out(self.worker.database, self.worker.storage, self.claim.training_run)
        self.last_reached = begun
        self.worker.metrics.last_heartbeat.set_to_current_time()
        return orders

    def write_out(self) -> None:
        """Write all that waits before the attempt ends: without it there would be a success with gaps.

        Raises StaleLease, or what keeps the database from taking it for as long as a lease.
        """
        self.write()
        while self.waiting:
            time.sleep(PAUSE_SECONDS)
            self.write()

    def _write(self) -> leases.Orders:
        with self.worker.database.transaction() as session:
            orders = leases.heartbeat(session, self.claim, self.step)
            if steps := [e for e in self.waiting if e["event"] == "step"]:
                run_metrics.add(session, self.claim, steps)
            for event in self.waiting:
                if event["event"] == "started":
                    start = {name: event[name] for name in ("step", "parameters", "device")}
                    runs.record_start(session, self.claim, **start)
                elif event["event"] == "evaluated":
                    evaluations.add(session, self.claim, event)
                elif event["event"] == "checkpoint":
                    row = {name: event[name] for name in ("step", "url", "digest", "size", "metrics")}
                    event["id"] = checkpoints.add(session, self.claim, **row).id
                    checkpoints.retire(session, self.claim, self.worker.settings.keep_checkpoints)
            if told := [(e["event"], _told(e)) for e in self.waiting if e["event"] != "step"]:
                job_events.append(session, self.claim, told)
        return orders

    def _store(self, event: dict[str, Any]) -> dict[str, Any] | None:
        metrics, begun = self.worker.metrics, time.monotonic()
        name = f"{self.claim.place}/{Path(event['path']).name}"
        try:
            url = self.worker.storage.put_folder(Path(event["path"]), name)
        except (StorageFull, StorageUnavailable) as error:
            self._missing(event["step"], error)
            return None
        finally:
            shutil.rmtree(event["path"], ignore_errors=True)
        self.not_stored = None
        metrics.checkpoint_write_seconds.observe(time.monotonic() - begun)
        metrics.checkpoint_bytes.inc(event["bytes"])
        return event | {"url": url, "size": event["bytes"]}

    def _missing(self, step: int, error: StorageFull | StorageUnavailable) -> None:
        self.not_stored = error
        self.worker.metrics.checkpoint_failures.labels(error.code).inc()
        log.error("checkpoint.not_stored", step=step, code=error.code, reason=str(error))

    def _show(self, event: dict[str, Any]) -> None:
        metrics = self.worker.metrics
        metrics.loss.set(event["loss"])
        for gauge, name in (
            (metrics.exact_accuracy, "exact_accuracy"),
            (metrics.mean_supervision_steps, "mean_supervision_steps"),
        ):
            if event[name] is not None:
                gauge.set(event[name])
        metrics.progress.set(event["step"] / max(1, self.total_steps))


def _told(event: dict[str, Any]) -> dict[str, Any]:
    """An event as its readers get it: without paths of the servers."""
    return {name: value for name, value in event.items() if name not in ("event", "path", "size", "url")}
