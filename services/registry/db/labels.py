"""What owners call their jobs and runs, and how they find them by it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement

from services.registry.db.base import Json
from services.registry.db.tables import Job, Run


@dataclass(frozen=True)
class Labels:
    """A name, tags and metadata, given or looked for."""

    name: str | None = None
    tags: Sequence[str] = ()
    metadata: Json = field(default_factory=dict)

    @property
    def columns(self) -> Json:
        """The columns of a row that has them."""
        return {"name": self.name, "tags": list(self.tags), "meta": dict(self.metadata)}


NONE = Labels()


def conditions(table: type[Job] | type[Run], wanted: Labels) -> list[ColumnElement[bool]]:
    """Rows whose name holds this one, in capitals or not, and that have all these tags and all this metadata."""
    found: list[ColumnElement[bool]] = []
    if wanted.name is not None:
        found.append(table.name.icontains(wanted.name, autoescape=True))
    if wanted.tags:
        found.append(table.tags.contains(list(wanted.tags)))
    if wanted.metadata:
        found.append(table.meta.contains(dict(wanted.metadata)))
    return found
