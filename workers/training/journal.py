"""Brings a trainer's events into rows: collected, then written with the heartbeat in one transaction."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

import structlog
from sqlalchemy.orm import Session

from services.registry.errors import DatabaseUnavailable, StorageUnavailable
from services.registry.jobs import job_events, job_logs, leases
from services.registry.metrics.metrics import TrainMetrics
from services.registry.runs import checkpoints, evaluations, run_metrics, runs
from services.registry.tracing.spans import mark_failed, tracer, untraced
from trm.errors import StorageFull
from trm.interface import events
from trm.interface.events import Event
from workers.context import Worker
from workers.heartbeats import kept_alive
from workers.retention import clear_out
from workers.training.progress import TrainingProgress

PAUSE_SECONDS = 0.5  # before a database that is away is tried again, at the end
log = structlog.get_logger()


@dataclass(frozen=True)
class SavedCheckpoint:
    """A checkpoint that the storage holds; its row is still to be written."""

    saved: events.CheckpointSaved
    url: str


class Journal:
    """Events of one attempt that are still to be written, and the time of the last write."""

    def __init__(self, worker: Worker[TrainMetrics], claim: leases.Claim, progress: TrainingProgress) -> None:
        self.worker, self.claim, self.progress = worker, claim, progress
        self.step: int | None = None
        self.waiting: list[Event | SavedCheckpoint] = []
        self.lines: list[str] = []  # that the trainer wrote, waiting too
        self.not_stored: StorageFull | StorageUnavailable | None = None  # why the last checkpoint is missing
        self.last_written = self.last_reached = time.monotonic()

    def take(self, event: Event) -> None:
        """Note one event; a checkpoint is brought into the storage first, and is lost to the run if that fails."""
        if (seconds := self.progress.take(event)) is not None:
            self.worker.metrics.step_seconds.observe(seconds)
        if isinstance(event, events.Started | events.Updated | events.StepMetrics):
            self.step = event.step
        match event:
            case events.CheckpointSaved():
                self._store(event)
            case events.CheckpointFailed():
                self._note_missing(event.step, StorageFull(event.message))
            case events.StepMetrics():
                self._show(event)
                self.waiting.append(event)
            case events.Started() | events.Evaluating() | events.Evaluated() | events.Finished() | events.Unknown():
                self.waiting.append(event)
            case events.Updated() | events.Stopped() | events.Failed():  # the last two become the job's outcome
                pass
            case _:
                assert_never(event)

    @property
    def is_due(self) -> bool:
        """Whether something should be written now: rows that wait, or a heartbeat."""
        settings, idle = self.worker.settings, time.monotonic() - self.last_written
        waits = self.waiting or self.lines
        patience = settings.metrics_batch_seconds if waits else settings.heartbeat_seconds
        return idle >= patience or len(self.waiting) >= settings.metrics_batch_rows

    def write(self) -> leases.JobSignals:
        """Write all that waits and extend the lease; what the worker is asked to do.

        Raises StaleLease. A database that is away, or has no room, is forgiven until the lease has run out.
        """
        begun = time.monotonic()
        try:
            signals = self._write()
        except (DatabaseUnavailable, StorageFull):
            if time.monotonic() - self.last_reached > self.claim.lease_seconds:
                raise
            log.warning("journal.database_away", waiting=len(self.waiting))
            return leases.JobSignals()
        finally:
            self.last_written = time.monotonic()  # its end: what comes during a slow write goes together into the next
        stored = any(isinstance(event, SavedCheckpoint) for event in self.waiting)
        self.waiting.clear()
        self.lines.clear()
        if stored:
            with untraced():
                clear_out(self.worker.database, self.worker.storage, self.claim.training_run)
        self.last_reached = begun
        self.worker.metrics.last_heartbeat.set_to_current_time()
        return signals

    def write_out(self) -> None:
        """Write all that waits before the attempt ends: without it there would be a success with gaps.

        Raises StaleLease, or what keeps the database from taking it for as long as a lease.
        """
        self.write()
        while self.waiting or self.lines:
            time.sleep(PAUSE_SECONDS)
            self.write()

    def _write(self) -> leases.JobSignals:
        with untraced(), self.worker.database.transaction() as session:
            pace = leases.Pace(self.progress.share, self.progress.eta_seconds)
            signals = leases.heartbeat(session, self.claim, self.step, pace)
            job_logs.append(session, self.claim, self.lines)
            if steps := [event.as_dict() for event in self.waiting if isinstance(event, events.StepMetrics)]:
                run_metrics.add(session, self.claim, steps)
            if others := [event for event in self.waiting if not isinstance(event, events.StepMetrics)]:
                job_events.append(session, self.claim, [self._record(session, event) for event in others])
        return signals

    def _record(self, session: Session, event: Event | SavedCheckpoint) -> job_events.Event:
        """Write the rows that an event stands for; what the job's readers get: no paths of the servers."""
        match event:
            case events.Started():
                runs.record_start(
                    session, self.claim, step=event.step, parameters=event.parameters, device=event.device
                )
            case events.Evaluated():
                evaluations.add(session, self.claim, event.as_dict())
                return event.name, _leave_out(event, "report")
            case SavedCheckpoint(saved, url):
                row = checkpoints.add(
                    session,
                    self.claim,
                    step=saved.step,
                    url=url,
                    digest=saved.digest,
                    size=saved.bytes,
                    metrics=saved.metrics,
                )
                checkpoints.retire(session, self.claim, self.worker.settings.keep_checkpoints)
                return saved.name, _leave_out(saved, "path") | {"id": row.id}
        return event.as_dict()["event"], _leave_out(event)

    def _store(self, event: events.CheckpointSaved) -> None:
        metrics, begun = self.worker.metrics, time.monotonic()
        folder = Path(event.path)
        try:
            with (
                tracer().start_as_current_span("store checkpoint", attributes={"trm.step": event.step}) as span,
                kept_alive(self.worker, self.claim),
            ):
                url = self.worker.storage.put_folder(folder, f"{self.claim.place}/{folder.name}")
        except (StorageFull, StorageUnavailable) as error:
            mark_failed(span, error.code)
            self._note_missing(event.step, error)
            return
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.not_stored = None
        metrics.checkpoint_write_seconds.observe(time.monotonic() - begun)
        metrics.checkpoint_bytes.inc(event.bytes)
        self.waiting.append(SavedCheckpoint(event, url))

    def _note_missing(self, step: int, error: StorageFull | StorageUnavailable) -> None:
        self.not_stored = error
        self.worker.metrics.checkpoint_failures.labels(error.code).inc()
        log.error("checkpoint.not_stored", step=step, code=error.code, reason=str(error))

    def _show(self, event: events.StepMetrics) -> None:
        metrics = self.worker.metrics
        metrics.loss.set(event.loss)
        if event.exact_accuracy is not None:
            metrics.exact_accuracy.set(event.exact_accuracy)
        if event.mean_supervision_steps is not None:
            metrics.mean_supervision_steps.set(event.mean_supervision_steps)
        metrics.progress.set(self.progress.share)


def _leave_out(event: Event, *names: str) -> dict[str, Any]:
    return {name: value for name, value in event.as_dict().items() if name not in ("event", *names)}
