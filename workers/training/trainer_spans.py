"""The trainer's spans, made from its events: it knows nothing of tracing.

Loading, the first update, which compiles, then windows of many updates; each evaluation and each checkpoint.
"""

import time
from types import TracebackType
from typing import Self

from opentelemetry import trace
from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue

from services.registry.tracing.spans import mark_failed, tracer
from trm.interface import events
from trm.interface.events import Event

WINDOW_SECONDS = 10.0  # of updates in one span, at least: a training of a day has some 8,000
SECOND = 1_000_000_000  # in nanoseconds
Attributes = dict[str, AttributeValue]


class TrainerSpans:
    """Spans of one trainer process below the current one; costs nothing where that is not recorded."""

    def __init__(self) -> None:
        self._is_on = trace.get_current_span().is_recording()
        self._phase: Span | None = None  # loading, the first update, or a window of updates
        self._phase_began = 0.0
        self._first_step = self._last_step = 0

    def __enter__(self) -> Self:
        """The trainer was started."""
        self._begin("load trainer")
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _where: TracebackType | None) -> None:
        """The trainer has ended."""
        self._end()

    def take(self, event: Event) -> None:
        """Note one event when it happens."""
        if not self._is_on:
            return
        match event:
            case events.Started():
                self._first_step, self._last_step = event.step, event.total_steps
                self._begin("first update", {"trm.step": event.step, "trm.device": event.device})
            case events.Updated() if self._phase is None or event.step == self._first_step + 1:
                self._end()
                if event.step < self._last_step:
                    self._begin("updates", {"trm.first_step": event.step})
            case events.StepMetrics():
                self._tell(event)
                if time.monotonic() - self._phase_began >= WINDOW_SECONDS:
                    self._end()  # the next window begins where an update is not the last one
            case events.Evaluated():
                found: Attributes = {"trm.step": event.step, "trm.puzzles": event.n, "trm.split": event.split}
                self._record("evaluate", event.seconds, found | _tell_accuracy(event.exact_accuracy))
            case events.CheckpointSaved():
                self._record("write checkpoint", event.seconds, {"trm.step": event.step, "trm.bytes": event.bytes})
            case events.Failed():
                mark_failed(self._phase or trace.get_current_span(), event.code)

    def _tell(self, event: events.StepMetrics) -> None:
        if self._phase is not None:
            attributes: Attributes = {
                "trm.step": event.step,
                "trm.loss": event.loss,
                "trm.puzzles_per_second": event.puzzles_per_second,
            }
            self._phase.set_attributes(attributes | _tell_accuracy(event.exact_accuracy))

    def _begin(self, name: str, attributes: Attributes | None = None) -> None:
        self._end()
        if self._is_on:
            self._phase, self._phase_began = tracer().start_span(name, attributes=attributes), time.monotonic()

    def _end(self) -> None:
        if self._phase is not None:
            self._phase.end()
        self._phase = None

    @staticmethod
    def _record(name: str, seconds: float, attributes: Attributes) -> None:
        """A span that ends now and took so long."""
        begun = time.time_ns() - int(seconds * SECOND)
        tracer().start_span(name, attributes=attributes, start_time=begun).end()


def _tell_accuracy(exact_accuracy: float | None) -> Attributes:
    return {} if exact_accuracy is None else {"trm.exact_accuracy": exact_accuracy}
