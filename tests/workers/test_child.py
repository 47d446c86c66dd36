"""A child speaks JSON lines, and nothing of it is left behind."""

import signal
import sys

import psutil
import pytest

from trm.interface.events import Event, Updated
from workers.training.child import Child


def child(code: str) -> Child:
    return Child([sys.executable, "-c", code])


def all_events(process: Child) -> list[Event]:
    events = list[Event]()
    while True:
        try:
            event = process.next_event(10)
        except EOFError:
            return events
        assert event is not None
        events.append(event)


def test_lines_become_events_and_noise_becomes_last_words() -> None:
    process = child(
        "import sys; print('{\"event\": \"updated\", \"step\": 3}'); print('noise'); print('oops', file=sys.stderr); sys.exit(3)"
    )
    assert all_events(process) == [Updated(3)]
    assert process.close() == 3
    assert set(process.last_words.splitlines()) == {"noise", "oops"}


def test_silence_is_not_the_end() -> None:
    process = child("import time; time.sleep(60)")
    assert process.next_event(0.05) is None
    process.signal(signal.SIGTERM)
    with pytest.raises(EOFError):
        process.next_event(10)
    assert process.close() == -signal.SIGTERM


def test_closing_kills_the_whole_group() -> None:
    process = child(
        "import subprocess, json, time\n"
        "p = subprocess.Popen(['sleep', '60'])\n"
        "print(json.dumps({'event': 'updated', 'step': p.pid}), flush=True)\n"
        "time.sleep(60)"
    )
    event = process.next_event(10)
    assert isinstance(event, Updated)
    grandchild = psutil.Process(event.step)
    assert process.close() == -signal.SIGKILL
    grandchild.wait(10)
