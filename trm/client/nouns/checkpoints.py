"""Checkpoints: what trainings have saved."""

from collections.abc import Iterator
from pathlib import Path

from trm.client.api import Checkpoint, CheckpointFiles
from trm.client.record import Page, id_of
from trm.client.transfers import OnBytes, Upload, download
from trm.client.transport import Noun


class Checkpoints(Noun):
    """`client.checkpoints`; a checkpoint is given as a `Checkpoint` or as its id."""

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

    def upload(
        self,
        file: str | Path,
        *,
        name: str | None = None,
        on_progress: OnBytes | None = None,
        idempotency_key: str | None = None,
    ) -> Checkpoint:
        """Send a model, as a tar of a folder that `trm export` has written or as `download` has left it.

        It becomes the checkpoint of a run of this name. `on_progress` takes the bytes that were sent so far and in all.
        Raises ApiError for anything that is no whole model, and OSError.
        """
        path = Path(file)
        total = path.stat().st_size

        def tell(sent: int) -> None:
            if on_progress is not None:
                on_progress(sent, total)

        with Upload(path, tell) as content:
            files, form = {"file": (path.name, content)}, {} if name is None else {"name": name}
            return self._transport.ask(
                "createCheckpoint", Checkpoint, data=form, files=files, idempotency_key=idempotency_key
            )

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
