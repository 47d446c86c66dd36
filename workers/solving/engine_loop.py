"""The solving thread: it divides its time among the engines that have requests, and sleeps while there are none."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import structlog

from services.registry.metrics.metrics import SolveMetrics
from trm.network.cores import Cores

if TYPE_CHECKING:
    from trm.solving.engine import Engine
    from trm.solving.solve_request import SolveRequest

log = structlog.get_logger()


class EngineLoop:
    """All computation of a solve worker runs here, one supervision step at a time; jobs only wait for results."""

    def __init__(self, metrics: SolveMetrics, cores: Cores) -> None:
        self.metrics, self.cores = metrics, cores
        self._threads = 0
        self._asked = threading.Condition()
        self._used: dict[Engine, float] = {}  # seconds; of each engine with unfinished requests, beside the others
        threading.Thread(target=self._run, name="engine-loop", daemon=True).start()

    def submit(self, engine: "Engine", solve_request: "SolveRequest") -> None:
        """Let a request's puzzles join at the next step; raises EngineFull or ConfigError."""
        with self._asked:
            engine.submit(solve_request)
            if engine not in self._used:
                self._used[engine] = min(self._used.values(), default=0.0)  # it gets nothing for the time before
            self._asked.notify()

    @contextmanager
    def solving(self, engine: "Engine", solve_request: "SolveRequest") -> Iterator[None]:
        """Have a request's puzzles solved while the block takes the results; raises what ended the request."""
        self.submit(engine, solve_request)
        try:
            yield
        finally:
            solve_request.stop()
        if solve_request.error is not None:
            raise solve_request.error

    def _run(self) -> None:
        while True:
            with self._asked:
                self._asked.wait_for(lambda: self._used)
            with self.cores.busy() if self._needs_cores() else nullcontext():
                while used := dict(self._used):
                    self._share_cores()
                    engine = min(used, key=lambda one: used[one])  # equal shares, however long a step of each takes
                    if not self._step(engine):
                        self._leave(engine)
                    self.metrics.slots_busy.set(sum(engine.occupied for engine in used))

    def _needs_cores(self) -> bool:
        return any(engine.model.embedding.device.type == "cpu" for engine in list(self._used))

    def _share_cores(self) -> None:
        """Use as many threads as there are cores for this process now; more would wait for each other at every product."""
        if (threads := self.cores.share) != self._threads:
            import torch

            torch.set_num_threads(threads)  # of this thread
            self._threads = threads

    def _step(self, engine: "Engine") -> bool:
        """One step of an engine; its unfinished requests fail with it."""
        begun = time.monotonic()
        try:
            goes_on = engine.step()
        except Exception as error:
            log.exception("engine.failed")
            engine.abandon(error)
            return False
        finally:
            seconds = time.monotonic() - begun
            self._used[engine] += seconds
        self.metrics.step_seconds.observe(seconds)
        return goes_on

    def _leave(self, engine: "Engine") -> None:
        with self._asked:
            if engine.is_idle:  # no request has come meanwhile
                del self._used[engine]
