"""When a training saves or stops beside what its configuration asks for: on request, on a signal, or by the clock."""

import math
import signal
import time


class Pace:
    """The session looks at it between two updates. The clock starts with its construction, so that loading can count."""

    def __init__(self, minutes: float | None = None, checkpoint_minutes: float | None = None) -> None:
        begun = time.monotonic()
        self.asked = False  # to stop
        self._end = math.inf if minutes is None else begun + 60 * minutes
        self._interval = math.inf if checkpoint_minutes is None else 60 * checkpoint_minutes
        self._saved = begun

    def stop(self) -> None:
        """Ask to stop as soon as the state can be saved."""
        self.asked = True

    def listen(self) -> None:
        """From now on SIGTERM and SIGINT ask to stop, and no longer end the process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self.stop())

    @property
    def stops(self) -> bool:
        """Whether a stop was asked for, or the time is up."""
        return self.asked or time.monotonic() >= self._end

    @property
    def saves(self) -> bool:
        """Whether the last checkpoint is too old."""
        return time.monotonic() - self._saved >= self._interval

    def note_save(self) -> None:
        """A checkpoint was begun."""
        self._saved = time.monotonic()
