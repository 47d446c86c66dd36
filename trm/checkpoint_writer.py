"""Writes checkpoints beside the training: a step waits for the copy in memory, not for the disk."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from trm.checkpoint import Snapshot, step_folder
from trm.events import CheckpointSaved


class CheckpointWriter:
    """One checkpoint at a time below a folder, in a thread of its own; leaving the context waits for the last."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._writing: Future[CheckpointSaved] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.shutdown(wait=True)

    def begin(self, snapshot: Snapshot) -> list[CheckpointSaved]:
        """Begin to write; waits for the one before, and returns it if it was not told yet. Raises StorageFull of that one."""
        before = self.wait()
        self._writing = self._thread.submit(snapshot.write, step_folder(self.out, snapshot.step))
        return before

    def ready(self) -> list[CheckpointSaved]:
        """The checkpoint that has become complete since the last call, if any; raises StorageFull if it could not."""
        return self.wait() if self._writing is not None and self._writing.done() else []

    def wait(self) -> list[CheckpointSaved]:
        """The same, waiting for one that is under way."""
        writing, self._writing = self._writing, None
        return [] if writing is None else [writing.result()]
