"""The trainer's spans: windows of updates, each with what its last metrics said."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.registry.tracing.spans import tracer
from trm.interface.events import Event, Started, StepMetrics, Updated
from workers.training import trainer_spans
from workers.training.trainer_spans import TrainerSpans


def told(steps: int, every: int) -> Iterator[Event]:
    """What a trainer tells of so many updates: the metrics that are due come before the update's own event."""
    yield Started(0, steps, 1, "cpu", "float32", None, 1, 1, 1, None)
    for step in range(1, steps + 1):
        if step % every == 0:
            yield StepMetrics(step, 1.0, 1.0, 1.0, 1.0, 1.0, 1, 1.0, 1.0, 1.0, 1.0, 1.0, [1], [1.0], [1.0], [1.0])
        yield Updated(step)


@pytest.mark.parametrize("window_seconds", [0.0, 60.0])
@pytest.mark.parametrize("steps", [1, 4, 6])
def test_no_window_is_without_updates(
    steps: int, window_seconds: float, exported: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_spans, "WINDOW_SECONDS", window_seconds)
    with tracer().start_as_current_span("attempt"), TrainerSpans() as spans:
        for event in told(steps, every=2):
            spans.take(event)
    windows = [dict(span.attributes or {}) for span in exported.get_finished_spans() if span.name == "updates"]
    ends = [window["trm.step"] for window in windows]
    assert ends == ([] if steps == 1 else list(range(2, steps + 1, 2)) if window_seconds == 0 else [steps])
