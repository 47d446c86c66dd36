"""When a training on the command line saves or stops beside what its configuration asks for: on a signal, or by the clock."""

import math
import signal
import time
from types import FrameType


class Pace:
    """The loop looks at it between two updates. The clock starts when the command does, so that loading counts."""

    def __init__(self, minutes: float | None, checkpoint_minutes: float | None) -> None:
        begun = time.monotonic()
        self.asked = False  # by a signal
        self._end = math.inf if minutes is None else begun + 60 * minutes
        self._interval = math.inf if checkpoint_minutes is None else 60 * checkpoint_minutes
        self._saved = begun

    def listen(self) -> None:
        """From now on SIGTERM and SIGINT ask to stop, and no longer end the process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    @property
    def stops(self) -> bool:
        """Whether somebody has asked, or the time is up."""
        return self.asked or time.monotonic() >= self._end

    @property
    def saves(self) -> bool:
        """Whether the last checkpoint is too old."""
        return time.monotonic() - self._saved >= self._interval

    def saved(self) -> None:
        """A checkpoint was begun."""
        self._saved = time.monotonic()

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
