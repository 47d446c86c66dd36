"""How long a training will take, and warnings before it starts."""

from collections.abc import Sequence
from operator import attrgetter

from pydantic import ValidationError

from services.gateway.schemas.job import Basis, Estimate
from services.registry.db.base import Json
from services.registry.db.operations_tables import WorkerProcess
from services.registry.runs.paces import Measured
from trm.config.cost import assume_update_seconds, duration, efficiency, update_flops
from trm.config.presets import find_misfit
from trm.config.run import RunConfig

HOUR = 3600
WEIGHT = attrgetter(
    "model", "puzzle.cells", "train.also", "train.batch_size", "train.precision", "train.gradient_checkpointing",
    "train.depth_curriculum", "train.starts",
)  # fmt: skip


def estimate(
    config: RunConfig,
    measured: Sequence[Measured],
    workers: Sequence[WorkerProcess],
    puzzles: int | None,
    warn_hours: float,
) -> Estimate:
    """Seconds, their basis, and warnings."""
    update, basis = _update_seconds(config, measured, workers)
    seconds = config.train.steps * update
    warnings = _list_warnings(config, seconds, workers, puzzles, warn_hours)
    return Estimate(seconds=round(seconds, 1), basis=basis, warnings=warnings)


def _update_seconds(
    config: RunConfig, measured: Sequence[Measured], workers: Sequence[WorkerProcess]
) -> tuple[float, Basis]:
    known = [(read, run.update_seconds) for run in measured if (read := _read(run.config)) is not None]
    for earlier, seconds in known:
        if WEIGHT(earlier) == WEIGHT(config):
            return seconds, "measured"
    if known:  # the largest, since it is measured best
        earlier, seconds = max(known, key=lambda pair: update_flops(pair[0]))
        return seconds * _measure_work(config) / _measure_work(earlier), "scaled"
    devices = {None if worker.device == "cuda" else worker.cores for worker in workers} or {2}
    return min(assume_update_seconds(config.model, config.train, config.puzzle, cores) for cores in devices), "assumed"


def _measure_work(config: RunConfig) -> float:
    """Operations of an update, corrected for the lower efficiency of narrow models."""
    return update_flops(config) / efficiency(config.model)


def _read(config: Json) -> RunConfig | None:
    try:
        return RunConfig.model_validate(config)
    except ValidationError:
        return None  # of other code


def _list_warnings(
    config: RunConfig, seconds: float, workers: Sequence[WorkerProcess], puzzles: int | None, warn_hours: float
) -> list[str]:
    found = []
    if warn_hours and seconds > warn_hours * HOUR:
        found.append(
            f"It will occupy a worker for {duration(seconds)}. Use a faster device, or fewer train.steps, or set timeout_seconds."
        )
    if not workers:
        found.append(
            "No training worker that it could use was seen within the last minute: it will wait until one is started."
        )
    if puzzles is not None and puzzles < config.train.batch_size:
        found.append(
            f"The data set has {puzzles} training puzzles, fewer than train.batch_size, {config.train.batch_size}: each update sees "
            "the same ones several times. Lower train.batch_size, or use a larger data set."
        )
    if misfit := find_misfit(config.preset, config.puzzle):
        found.append(misfit)
    return found
