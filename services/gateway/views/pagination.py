"""Lists in pages: newest first, continued by an opaque cursor."""

from collections.abc import Callable
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import Field

from services.gateway.schemas.base import Response
from services.registry.db import pages as registry

T = TypeVar("T")
Row = TypeVar("Row")
LONGEST_CURSOR = (
    500  # one that holds a model's name and its owner's has 211 characters, and a host's name has up to 253
)

Cursor = Annotated[
    str | None,
    Query(max_length=LONGEST_CURSOR, description="`next_cursor` of the page before; leave out for the first page."),
]
Limit = Annotated[int, Query(ge=1, le=100, description="Most items on a page.")]


class Page(Response, Generic[T]):
    """One page of a list."""

    data: list[T]
    next_cursor: str | None = Field(default=None, description="Ask for the next page with this; null on the last page.")
    has_more: bool

    @classmethod
    def of(cls, page: "registry.Page[Row]", show: Callable[[Row], T]) -> "Page[T]":
        """A page of rows as the API shows them."""
        return cls(data=[show(row) for row in page.items], next_cursor=page.next_cursor, has_more=page.has_more)
