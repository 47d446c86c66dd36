"""Lists narrowed to what has some name, tags or metadata."""

from typing import Annotated

from fastapi import Query
from pydantic import StringConstraints

from services.gateway.problems.errors import RequestInvalid
from services.gateway.schemas.labels import MOST, TEXT, Tag
from services.registry.db.labels import Labels

Name = Annotated[
    str | None,
    Query(max_length=100, pattern=rf"^{TEXT}+$", description="Only those whose name holds this, in capitals or not."),
]
Tags = Annotated[list[Tag] | None, Query(max_length=MOST, description="Only those with this tag; again for several.")]
Pair = Annotated[str, StringConstraints(max_length=577, pattern=rf"^[A-Za-z0-9][A-Za-z0-9._/-]{{0,63}}:{TEXT}*$")]
Pairs = Annotated[
    list[Pair] | None,
    Query(max_length=MOST, description="Only those whose metadata has this, as `key:value`; again for several."),
]


def parse_labels(name: str | None, tags: list[str] | None, pairs: list[str] | None) -> Labels:
    """What a list is narrowed to; raises RequestInvalid for a key that is asked for with two values."""
    metadata: dict[str, str] = {}
    for pair in pairs or ():
        key, _, value = pair.partition(":")
        if metadata.setdefault(key, value) != value:
            raise RequestInvalid(f"Nothing has two values of {key!r}. Ask for one.", "metadata")
    return Labels(name, tags or (), metadata)
