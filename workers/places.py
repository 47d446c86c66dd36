"""Places for jobs that are long: so many at once, whatever threads the worker has, so that short ones find a thread too."""

import threading
from collections.abc import Callable


class Places:
    """Threads share it; a job for which there is no place is done by a thread that has one, once that is free."""

    def __init__(self, most: int) -> None:
        self._most, self._taken = most, 0
        self._waiting: dict[str, None] = {}  # in order, and each once: the reaper announces waiting jobs again
        self._lock = threading.Lock()

    def run(self, job_id: str, work: Callable[[str], None]) -> None:
        """Do the work on this job, and on those that come to wait meanwhile; returns at once where all places are taken."""
        if not self._enter(job_id):
            return
        while (waiting := self._next()) is not None:
            try:
                work(waiting)
            except BaseException:
                self._leave()
                raise

    def _enter(self, job_id: str) -> bool:
        with self._lock:
            self._waiting[job_id] = None
            if self._taken == self._most:
                return False
            self._taken += 1
            return True

    def _next(self) -> str | None:
        """The job that has waited longest; without one the place is free again, before another job can come to wait."""
        with self._lock:
            if not self._waiting:
                self._taken -= 1
                return None
            job_id = next(iter(self._waiting))
            del self._waiting[job_id]
            return job_id

    def _leave(self) -> None:
        with self._lock:
            self._taken -= 1
