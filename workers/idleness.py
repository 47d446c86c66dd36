"""How long a worker has had nothing to do: one that was started because there was work ends when there is none."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

POLL_SECONDS = 0.5
log = structlog.get_logger()


class Idleness:
    """Counts the jobs in hand; threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs = 0
        self._since = time.monotonic()

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """Not idle for the duration of the block."""
        with self._lock:
            self._jobs += 1
        try:
            yield
        finally:
            with self._lock:
                self._jobs -= 1
                self._since = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the last job ended, or since the start; 0 while there is one in hand."""
        with self._lock:
            return 0.0 if self._jobs else time.monotonic() - self._since


def stop_when_idle(idleness: Idleness, seconds: float) -> None:
    """Ask this process to stop, as an operator would, once it has been idle for so long; 0: never.

    A job that is claimed in the same moment is handed back.
    """

    def watch() -> None:
        while idleness.seconds < seconds:
            time.sleep(POLL_SECONDS)
        log.info("worker.idle", seconds=seconds)
        os.kill(os.getpid(), signal.SIGTERM)

    if seconds:
        threading.Thread(target=watch, name="idleness", daemon=True).start()
