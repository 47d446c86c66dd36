"""A process of ours, known by its number and its start: numbers are reused, and another program may have one of ours by now."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Self

STATE, START = 0, 19  # fields after the name in /proc/PID/stat, from proc(5): 3 and 22


@dataclass(frozen=True)
class Process:
    """One process, whatever becomes of its number."""

    pid: int
    started: int  # clock ticks since the machine started

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has this number now; None when there is none, or it has ended and is only not yet reaped."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[STATE] == "Z" else cls(pid, int(fields[START]))

    @property
    def lives(self) -> bool:
        """Whether it still runs."""
        return Process.of(self.pid) == self

    def send(self, number: signal.Signals) -> bool:
        """Signal this process and no other; False when it has ended."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.lives:  # asked while the handle keeps the number from being reused
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True
