"""Writes checkpoints beside the training: a step waits for the copy in memory, not for the disk."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from trm.checkpoints.checkpoint import Snapshot
from trm.errors import StorageFull
from trm.interface.events import CheckpointFailed, CheckpointSaved


class CheckpointWriter:
    """One checkpoint at a time, in a thread of its own; leaving the context waits for the last."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._writing: Future[CheckpointSaved | CheckpointFailed] | None = None
        self.last: CheckpointSaved | CheckpointFailed | None = None  # what became of the one before

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.shutdown(wait=True)

    def begin(self, snapshot: Snapshot, folder: Path) -> list[CheckpointSaved | CheckpointFailed]:
        """Begin to write to this folder; waits for the one before, and returns what became of it if that was not told yet."""
        before = self.wait()
        self._writing = self._thread.submit(_write, snapshot, folder)
        return before

    def ready(self) -> list[CheckpointSaved | CheckpointFailed]:
        """The checkpoint that has become complete since the last call, or has found no room, if any."""
        return self.wait() if self._writing is not None and self._writing.done() else []

    def wait(self) -> list[CheckpointSaved | CheckpointFailed]:
        """The same, waiting for one that is under way."""
        writing, self._writing = self._writing, None
        if writing is None:
            return []
        self.last = writing.result()
        return [self.last]


def _write(snapshot: Snapshot, folder: Path) -> CheckpointSaved | CheckpointFailed:
    try:
        return snapshot.write(folder)
    except StorageFull as error:
        return CheckpointFailed(snapshot.step, error.code, str(error))
