"""Removes what killed workers leave on disk, and files stored by attempts that lost their lease."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from services.registry.errors import RegistryError, StaleLease
from services.registry.jobs import attempts, leases
from services.registry.metrics.metrics import TrainMetrics
from services.registry.runs import checkpoints
from trm.errors import StorageFull
from workers.context import Worker

log = structlog.get_logger()


@contextmanager
def working_folder(worker: Worker[TrainMetrics], claim: leases.Claim) -> Iterator[Path]:
    """An empty folder for an attempt at a training, gone afterwards; what earlier attempts have left behind goes first."""
    _clear_scratch(worker)
    _clear_storage(worker, claim, f"runs/{claim.training_run}/attempt_*")
    worker.storage.discard_drafts(f"runs/{claim.training_run}")
    folder = worker.scratch / claim.job_id / f"attempt_{claim.attempt}"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    except StaleLease:
        _clear_storage(worker, claim, claim.place)  # what was stored since the lease was lost
        raise
    finally:
        _remove(folder)


def _clear_scratch(worker: Worker[TrainMetrics]) -> None:
    """Delete the working folders of attempts that have ended, whichever worker made them."""
    folders = {
        (folder.parent.name, int(folder.name.removeprefix("attempt_"))): folder
        for folder in worker.scratch.glob("job_*/attempt_*")
    }
    if folders:
        with worker.database.transaction() as session:
            at_work = attempts.under_way(session, {job_id for job_id, _ in folders})
        for attempt, folder in folders.items():
            if attempt not in at_work:
                _remove(folder)


def _clear_storage(worker: Worker[TrainMetrics], claim: leases.Claim, places: str) -> None:
    """Delete the checkpoints of these attempts at the run that no row knows; what fails is left for the next attempt."""
    try:
        found = worker.storage.folders(f"{places}/step_*")
        if not found:
            return
        with worker.database.transaction() as session:
            known = checkpoints.urls(session, claim.training_run)
        for url in found:
            if url not in known:
                worker.storage.delete_folder(url)
                log.info("checkpoint.unrecorded", url=url)
    except (RegistryError, StorageFull) as error:
        log.warning("checkpoint.unrecorded_kept", code=error.code, reason=str(error))


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()  # unless another attempt is in it
