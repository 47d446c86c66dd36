"""Checkpoints: what trainings have saved."""

from collections.abc import Iterator
from pathlib import Path

from trm.client.api import Checkpoint, CheckpointFiles
from trm.client.record import Page, id_of
from trm.client.transfers import OnBytes, download
from trm.client.transport import Transport


class Checkpoints:
    """`client.checkpoints`; a checkpoint is given as a `Checkpoint` or as its id."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, page_size: int = 100) -> Iterator[Checkpoint]:
        """Every checkpoint, newest first."""
        return self._transport.list("listCheckpoints", Page[Checkpoint], page_size=page_size)

    def get(self, checkpoint: Checkpoint | str) -> Checkpoint:
        """One checkpoint."""
        return self._transport.ask("getCheckpoint", Checkpoint, path={"checkpoint_id": id_of(checkpoint)})

    def delete(self, checkpoint: Checkpoint | str) -> None:
        """Delete it; its files are removed within minutes."""
        self._transport.send("deleteCheckpoint", path={"checkpoint_id": id_of(checkpoint)})

    def files(self, checkpoint: Checkpoint | str) -> CheckpointFiles:
        """Its files with their sizes."""
        path = {"checkpoint_id": id_of(checkpoint)}
        return self._transport.ask("listCheckpointFiles", CheckpointFiles, path=path)

    def download(
        self, checkpoint: Checkpoint | str, to: str | Path | None = None, *, on_progress: OnBytes | None = None
    ) -> Path:
        """Write it as a tar to this file, by default ID.tar, which appears once it is whole; returns its path.

        One that was broken off is continued, also by a later call. `on_progress` takes the bytes so far and in all. Raises OSError.
        """
        path = {"checkpoint_id": id_of(checkpoint)}
        target = Path(to or f"{id_of(checkpoint)}.tar")
        return download(self._transport, "downloadCheckpoint", path, target, on_progress)

    def download_file(
        self,
        checkpoint: Checkpoint | str,
        file: str,
        to: str | Path | None = None,
        *,
        on_progress: OnBytes | None = None,
    ) -> Path:
        """Write one of its files, by default to one of the same name; like `download`."""
        path = {"checkpoint_id": id_of(checkpoint), "file": file}
        return download(self._transport, "downloadCheckpointFile", path, Path(to or Path(file).name), on_progress)
