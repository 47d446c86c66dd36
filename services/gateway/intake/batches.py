"""A thread that deals together with what has come in since it last looked: one piece while it is quiet, many under load."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")
CLOSE_SECONDS = 5.0


class Batches(Generic[Item]):
    """Threads put pieces in; `work` gets them in that order, at most so many at once, and raises nothing.

    Where no caller waits for the result, pieces may gather for some seconds.
    """

    def __init__(self, name: str, work: Callable[[list[Item]], None], most: int, gather_seconds: float = 0) -> None:
        self._work, self._most, self._gather_seconds = work, most, gather_seconds
        self._waiting: SimpleQueue[Item | None] = SimpleQueue()  # None: no more will come
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand a piece over; returns at once."""
        self._waiting.put(item)

    def close(self) -> None:
        """Work on what was put in so far, then end; what takes too long is left undone."""
        self._closing.set()
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        open_ = True
        while open_:
            batch = [self._waiting.get()]
            if self._gather_seconds:
                self._closing.wait(self._gather_seconds)
            while batch[-1] is not None and len(batch) < self._most:
                try:
                    batch.append(self._waiting.get_nowait())
                except Empty:
                    break
            open_ = batch[-1] is not None
            if items := [item for item in batch if item is not None]:
                self._work(items)
