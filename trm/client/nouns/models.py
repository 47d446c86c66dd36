"""Models: those that ship, and names that point at checkpoints."""

from collections.abc import Iterator

from pydantic import TypeAdapter

from trm.client.api import Checkpoint, Model, ModelList, ModelVersion
from trm.client.record import Page, id_of
from trm.client.transport import Noun

EITHER: TypeAdapter[Model | ModelVersion] = TypeAdapter(Model | ModelVersion)


class Models(Noun):
    """`client.models`; a model is given by its name."""

    def list(self, *, page_size: int = 100) -> ModelList:
        """The shipped models, and the newest version of every promoted name, of all pages."""
        page = first = self._transport.ask("listModels", ModelList, params={"limit": page_size})
        promoted = [*first.promoted]
        while page.next_cursor is not None:
            asked = {"limit": page_size, "cursor": page.next_cursor}
            page = self._transport.ask("listModels", ModelList, params=asked)
            promoted += page.promoted
        return first.model_copy(update={"promoted": promoted, "next_cursor": None, "has_more": False})

    def get(self, name: str) -> Model | ModelVersion:
        """A shipped model's card, or the newest version of a promoted name."""
        return self._transport.ask("getModel", EITHER, path={"name": name})

    def promote(self, name: str, checkpoint: Checkpoint | str) -> ModelVersion:
        """Let a name point at a checkpoint; the name's earlier versions are kept."""
        body = {"name": name, "checkpoint": id_of(checkpoint)}
        return self._transport.ask("promoteCheckpoint", ModelVersion, json=body)

    def versions(self, name: str, *, page_size: int = 100) -> Iterator[ModelVersion]:
        """What a promoted name points at and pointed at, newest first."""
        return self._transport.list("listModelVersions", Page[ModelVersion], path={"name": name}, page_size=page_size)

    def delete(self, name: str) -> None:
        """Remove a promoted name; its checkpoints stay."""
        self._transport.send("deleteModel", path={"name": name})
