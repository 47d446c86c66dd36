"""The thread that thinks: it steps the engines of all resident models in turn, and sleeps when nobody asks anything."""

import threading
import time
from typing import TYPE_CHECKING

import structlog

from services.registry.metrics.metrics import SolveMetrics

if TYPE_CHECKING:
    from trm.solving.engine import Engine
    from trm.solving.inquiry import Inquiry

log = structlog.get_logger()


class Thinker:
    """Everything of a solve worker that computes runs here, one supervision step at a time; jobs only wait for what it finds."""

    def __init__(self, metrics: SolveMetrics) -> None:
        self.metrics = metrics
        self._asked = threading.Condition()
        self._engines: list[Engine] = []  # with something to think about
        threading.Thread(target=self._run, name="thinker", daemon=True).start()

    def submit(self, engine: "Engine", inquiry: "Inquiry") -> None:
        """Let an inquiry's puzzles join at the next step; raises EngineFull or ConfigError."""
        with self._asked:
            engine.submit(inquiry)
            if engine not in self._engines:
                self._engines.append(engine)
            self._asked.notify()

    def _run(self) -> None:
        while True:
            with self._asked:
                self._asked.wait_for(lambda: self._engines)
                engines = list(self._engines)
            for engine in engines:
                if not self._step(engine):
                    self._leave(engine)
            self.metrics.slots_busy.set(sum(engine.occupied for engine in engines))

    def _step(self, engine: "Engine") -> bool:
        """One step of an engine; what it was thinking about fails with it."""
        begun = time.monotonic()
        try:
            goes_on = engine.step()
        except Exception as error:
            log.exception("engine.failed")
            engine.abandon(error)
            return False
        self.metrics.step_seconds.observe(time.monotonic() - begun)
        return goes_on

    def _leave(self, engine: "Engine") -> None:
        with self._asked:
            if engine.is_idle:  # nobody has asked meanwhile
                self._engines.remove(engine)
