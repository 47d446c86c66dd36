"""The models that a solve worker keeps in memory: the most recently used ones, each behind its own lock."""

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from services.registry import checkpoints
from services.registry.metrics import SolveMetrics
from workers.context import Worker

if TYPE_CHECKING:
    from trm.solver import Solver


class Models:
    """Solvers by checkpoint id."""

    def __init__(self, worker: Worker[SolveMetrics]) -> None:
        self.worker = worker
        self._lock = threading.Lock()
        self._resident: OrderedDict[str, tuple[Solver, threading.Lock]] = OrderedDict()

    def get(self, checkpoint_id: str) -> "tuple[Solver, threading.Lock]":
        """The solver and the lock to hold while using it; raises CheckpointError when its files are damaged."""
        with self._lock:
            if checkpoint_id not in self._resident:
                self._resident[checkpoint_id] = (self._load(checkpoint_id), threading.Lock())
            self._resident.move_to_end(checkpoint_id)
            while len(self._resident) > self.worker.settings.solve_models:
                self._resident.popitem(last=False)
            return self._resident[checkpoint_id]

    def _load(self, checkpoint_id: str) -> "Solver":
        from trm.solver import Solver

        with self.worker.database.transaction() as session:
            url = checkpoints.get(session, checkpoint_id).url
        folder = self.worker.storage.fetch_folder(url, self.worker.scratch / "models" / checkpoint_id)
        return Solver.load(folder, self.worker.settings.device)
