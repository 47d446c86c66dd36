"""A child process in a process group of its own that speaks a training's events on stdout, one line of JSON each."""

import ctypes
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Queue

from trm.interface.events import Event, parse

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LAST_LINES = 20  # of stderr, kept for the error message


class Child:
    """Started by the constructor; dies with the worker, however that ends."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_die_with_parent(),
        )
        self.events: Queue[Event | None] = Queue()
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self.readers = [threading.Thread(target=read, daemon=True) for read in (self._read_events, self._read_errors)]
        for reader in self.readers:
            reader.start()

    def next_event(self, seconds: float) -> Event | None:
        """The next event; None when there was none within so many seconds, raises EOFError after the last."""
        try:
            event = self.events.get(timeout=seconds)
        except Empty:
            return None
        if event is None:
            raise EOFError
        return event

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def close(self) -> int:
        """Kill what is left of the group and return the exit status (negative: the signal)."""
        self.signal(signal.SIGKILL)
        for reader in self.readers:
            reader.join()  # they end with the pipes, which have no writer left
        with self.process:
            return self.process.wait()

    @property
    def last_words(self) -> str:
        """The end of what it wrote on stderr."""
        return "\n".join(self.last_lines)[-1000:]

    def _read_events(self) -> None:
        assert self.process.stdout is not None  # noqa: S101  it is a pipe
        for line in self.process.stdout:
            try:
                self.events.put(parse(line))
            except ValueError:
                self.last_lines.append(line.rstrip())
        self.events.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None  # noqa: S101  it is a pipe
        for line in self.process.stderr:
            self.last_lines.append(line.rstrip())


def _die_with_parent() -> Callable[[], None]:
    libc = ctypes.CDLL(None)  # loaded here, since little is safe between fork and exec
    return lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
