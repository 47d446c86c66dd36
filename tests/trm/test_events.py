"""Events as lines of JSON: read back as they were written, whatever version wrote them."""

import json
from typing import get_args

import pytest

from trm.interface import events
from trm.interface.events import Event, Unknown, Updated, parse

SHARES = [0.5, None]
EXAMPLES: list[Event] = [
    events.Started(0, 8, 1000, "cpu", "float32", None, 64, 16, 16, overlap=0),
    events.Updated(1),
    events.StepMetrics(3, 0.1, 1.5, 1.0, 0.5, 1e-3, 9, 90.0, 0.0, 0.25, 1.0, 2.0, [16, 8], SHARES, SHARES, SHARES),
    events.Evaluating(4, "validation", n=16, through=8),
    events.Evaluated(4, "test", 16, 0.2, 0.5, 0.75, None, 1.0, 3.5, [0.5], [0.25], [0.5]),
    events.CheckpointSaved(4, "runs/step_00000004", 1000, "ab12", 0.01, {"exact_accuracy": None}),
    events.CheckpointFailed(4, "storage_full", "No room left."),
    events.Finished(8, 1.5, None, 1 << 26),
    events.Stopped(5),
    events.Failed("non_finite_loss", "The loss became infinite."),
    events.Unknown("rested", {"step": 3, "why": {"heat": 81.5}}),
]


def test_every_kind_of_event_has_an_example() -> None:
    assert {type(event) for event in EXAMPLES} == set(get_args(Event))


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.name)
def test_a_line_is_read_back_as_it_was_written(event: Event) -> None:
    assert parse(event.as_json()) == event


def test_a_newer_version_may_add_events_and_fields() -> None:
    line = '{"event": "rested", "step": 3}'
    assert parse(line) == Unknown("rested", {"step": 3})
    assert json.loads(parse(line).as_json()) == json.loads(line)
    assert parse('{"event": "updated", "step": 3, "why": "heat"}') == Updated(3)


@pytest.mark.parametrize(
    "line", ["noise", "3", "[]", "{}", '{"event": 3}', '{"event": "updated"}', '{"event": "updated", "step": "x"}']
)
def test_what_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  of json, of pydantic, or our own
        parse(line)
