"""The training task: a supervisor of `python -m trm train`, which knows nothing of jobs."""

import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from services.registry.access.visibility import EVERYTHING
from services.registry.db import tables
from services.registry.errors import StorageUnavailable
from services.registry.jobs import job_events, jobs, leases
from services.registry.metrics.metrics import TrainMetrics
from services.registry.runs import checkpoints
from services.registry.storage import artifacts
from trm.config.run import RunConfig
from trm.errors import CorruptCheckpoint
from trm.interface import events
from trm.interface.events import Event, Finished, Started, Stopped
from trm.json_text import to_json
from workers import outcome
from workers.attempt import Failed, Released, reason_to_stop
from workers.context import Worker
from workers.heartbeats import kept_alive
from workers.training.child import Child
from workers.training.cleanup import working_folder
from workers.training.journal import Journal
from workers.training.progress import TrainingProgress
from workers.training.trainer_spans import TrainerSpans

log = structlog.get_logger()

POLL_SECONDS = 0.2


def train(worker: Worker[TrainMetrics], claim: leases.Claim) -> dict[str, Any]:
    """Train until the last step; returns the job's result."""
    with working_folder(worker, claim) as folder, ExitStack() as computing:
        with kept_alive(worker, claim):
            command = _build_command(worker, claim, folder)
        progress = TrainingProgress(RunConfig.model_validate_json((folder / "run.json").read_text()))
        child, journal = Child(command), Journal(worker, claim, progress)
        try:
            with TrainerSpans() as trainer_spans:
                last = _follow(worker, journal, child, computing, trainer_spans)
        finally:
            status = child.close()
            _clear_gauges(worker.metrics)
    if isinstance(last, Finished) and journal.not_stored is not None:
        raise journal.not_stored  # a training is for its last checkpoint
    return _make_result(last, status, child)


def _build_command(worker: Worker[TrainMetrics], claim: leases.Claim, folder: Path) -> list[str]:
    with worker.database.transaction() as session:
        request = jobs.get(session, EVERYTHING, claim.job_id).request
        candidates = checkpoints.furthest_first(session, EVERYTHING, claim.training_run)
    (folder / "run.json").write_text(to_json(request["config"]))
    command = [sys.executable, "-m", "trm", "train", "--events", "--config", str(folder / "run.json")]
    command += ["--out", str(folder / "checkpoints"), "--device", worker.settings.device]
    command += ["--compile", worker.settings.compile, "--threads", str(worker.cores.most)]
    if (devices := request.get("devices")) is not None:
        slots = request["config"]["train"]["batch_size"]
        command += ["--ranks", str(count_ranks(devices, worker.offers.devices, slots))]
    if request["dataset"].get("url"):
        command += ["--data", str(worker.storage.fetch_folder(request["dataset"]["url"], folder / "dataset"))]
    if (checkpoint := _find_newest_intact(worker, claim, candidates, folder)) is not None:
        command += ["--resume", str(checkpoint)]
    elif (parent := request.get("weights")) is not None:
        command += ["--weights", str(_fetch_weights(worker, claim, parent, folder))]
    return command


def count_ranks(asked: int, offered: int, slots: int) -> int:
    """How many of the devices that a job asks for it gets: no more than there are, and each with as many slots.

    It may be another number in every attempt: a checkpoint does not depend on it.
    """
    return max(count for count in range(1, min(asked, offered) + 1) if slots % count == 0)


def _find_newest_intact(
    worker: Worker[TrainMetrics], claim: leases.Claim, candidates: list[tables.Checkpoint], folder: Path
) -> Path | None:
    """Path of the newest intact checkpoint; damaged ones are reported as events."""
    for row in candidates:
        if (local := _fetch_checkpoint(worker, claim, row, folder)) is not None:
            log.info("attempt.resumes", checkpoint=row.id, step=row.step)
            return local
    return None


def _fetch_weights(worker: Worker[TrainMetrics], claim: leases.Claim, checkpoint_id: str, folder: Path) -> Path:
    """Path of the checkpoint whose weights the run starts with; raises Failed when it is damaged."""
    with worker.database.transaction() as session:
        row = checkpoints.get(session, EVERYTHING, checkpoint_id)
    local = _fetch_checkpoint(worker, claim, row, folder)
    if local is None:
        raise Failed(
            outcome.of_error(CorruptCheckpoint(f"The checkpoint {row.id} that the run begins with is damaged."))
        )
    return local


def _fetch_checkpoint(
    worker: Worker[TrainMetrics], claim: leases.Claim, row: tables.Checkpoint, folder: Path
) -> Path | None:
    """Path of the checkpoint if it is intact; otherwise an event reports the damage."""
    try:
        local = worker.storage.fetch_folder(row.url, folder / "resume" / row.id)
        if artifacts.is_checkpoint(local, row.digest):
            return local
        reason = "its files are not those that were stored"
    except StorageUnavailable as error:
        log.warning("checkpoint.not_read", checkpoint=row.id, step=row.step, reason=str(error))
        reason = "its files cannot be read"
    worker.metrics.checkpoints_damaged.labels(claim.kind.value).inc()
    log.warning("checkpoint.damaged", checkpoint=row.id, step=row.step, reason=reason)
    with worker.database.transaction() as session:
        damage = {"id": row.id, "step": row.step, "reason": reason}
        job_events.append(session, claim, [("checkpoint_damaged", damage)])
    return None


def _follow(
    worker: Worker[TrainMetrics], journal: Journal, child: Child, computing: ExitStack, trainer_spans: TrainerSpans
) -> Event | None:
    """Bring events into rows until the child ends; returns the last one, or raises what the job is to become.

    While it trains on the machine's cores, others know of it.
    """
    last: Event | None = None
    reason: Exception | None = None  # why the child was asked to stop
    kill_at = float("inf")
    while True:
        try:
            event = child.next_event(POLL_SECONDS)
        except EOFError:
            break
        if event is not None:
            trainer_spans.take(event)
            journal.take(event)
            last = event
            if isinstance(event, Started) and event.device == "cpu":
                computing.enter_context(worker.cores.busy())
        if reason is None and worker.stopping.is_set():
            reason = Released()
        journal.lines += child.take_lines()
        if journal.is_due:
            signals = journal.write()
            reason = reason or reason_to_stop(signals)
        if reason is not None and kill_at == float("inf"):
            child.signal(signal.SIGTERM)
            kill_at = time.monotonic() + worker.settings.stop_grace_seconds
        if time.monotonic() > kill_at:
            child.signal(signal.SIGKILL)
    child.finish()
    journal.lines += child.take_lines()
    journal.write_out()
    if reason is not None and not isinstance(last, Finished):
        raise reason
    return last


def _make_result(last: Event | None, status: int, child: Child) -> dict[str, Any]:
    match last:
        case Finished():
            return asdict(last)
        case events.Failed():
            raise Failed(outcome.of_code(last.code, last.message))
        case Stopped():  # the signal came from outside
            raise Released
        case _:
            raise Failed(outcome.of_death(status, child.last_words))


def _clear_gauges(metrics: TrainMetrics) -> None:
    for gauge in (metrics.loss, metrics.exact_accuracy, metrics.mean_supervision_steps, metrics.progress):
        gauge.set(float("nan"))
