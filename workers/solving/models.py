"""The models that a solve worker keeps in memory: the most recently used ones, and those in use."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import structlog

from services.registry.access.visibility import EVERYTHING
from services.registry.metrics.metrics import SolveMetrics
from services.registry.runs import checkpoints
from services.registry.states import JobKind
from services.registry.tracing.spans import tracer
from trm.errors import CorruptCheckpoint
from trm.interface import pretrained
from workers.context import Worker

if TYPE_CHECKING:
    from trm.solving.solver import Solver

log = structlog.get_logger()


class LoadedModel:
    """A place for a model: loaded by the first thread that asks, while others wait for it."""

    def __init__(self) -> None:
        self.loading = threading.Lock()
        self.solver: Solver | None = None
        self.users = 0


class Models:
    """Solvers by checkpoint id or, of shipped models, by name."""

    def __init__(self, worker: Worker[SolveMetrics]) -> None:
        self.worker = worker
        self._lock = threading.Lock()
        self._resident: OrderedDict[str, LoadedModel] = OrderedDict()

    @property
    def resident(self) -> list[str]:
        """Their names, the least recently used first."""
        return list(self._resident)

    @contextmanager
    def acquired(self, name: str) -> "Iterator[Solver]":
        """The solver, loaded and warm, which stays in memory while it is in use; raises CheckpointError when its files are damaged."""
        with self._lock:
            place = self._resident.setdefault(name, LoadedModel())
            self._resident.move_to_end(name)
            place.users += 1
        try:
            with place.loading:
                if place.solver is None:
                    with (
                        tracer().start_as_current_span("load model", attributes={"trm.model": name}),
                        ThreadPoolExecutor(1) as passing,  # ends with its OpenMP threads: only the engine loop's remain
                    ):
                        place.solver = passing.submit(self._load, name).result()
            yield place.solver
        finally:
            with self._lock:
                place.users -= 1
                self._evict()

    def _evict(self) -> None:
        """Release the least recently used ones beyond the number that may stay; a model in use is never one of them."""
        unused = [name for name, place in self._resident.items() if place.users == 0]
        empty = [name for name in unused if self._resident[name].solver is None]
        too_many = max(0, len(self._resident) - self.worker.settings.solve_models)
        for name in empty or unused[:too_many]:
            del self._resident[name]

    def _load(self, name: str) -> "Solver":
        import torch

        from trm.solving.solver import Solver

        settings = self.worker.settings
        torch.set_num_threads(self.worker.cores.share)  # of this thread
        try:
            with self._folder(name) as folder:
                solver = Solver.load(folder, settings.device, slots=settings.solve_slots, compiling=settings.compile)
        except CorruptCheckpoint:
            self.worker.metrics.checkpoints_damaged.labels(JobKind.SOLVE.value).inc()
            raise
        solver.engine.warm_up()
        log.info("model.loaded", model=name, slots=solver.engine.capacity)
        return solver

    @contextmanager
    def _folder(self, name: str) -> Iterator[Path]:
        """Folder of the model: in the package, or in the storage; a copy that had to be fetched goes when it is read."""
        if name in pretrained.names():
            yield pretrained.pretrained(name).folder
            return
        with self.worker.database.transaction() as session:
            url = checkpoints.get(session, EVERYTHING, name).url
        self.worker.scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="model-", dir=self.worker.scratch) as fetched:
            yield self.worker.storage.fetch_folder(url, Path(fetched, name))
