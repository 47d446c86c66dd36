"""Pages of lists whose entries are counted, since they never change."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from services.registry.db.pages import Page, decode_place, encode_cursor

T = TypeVar("T")


def count_page(
    where: str, size: int, cursor: str | None, limit: int, read: Callable[[Sequence[int]], list[T]]
) -> Page[T]:
    """The next entries of the list named `where`, read by their places; raises InvalidCursor."""
    first = 0 if cursor is None else decode_place(where, cursor)
    last = min(first + limit, size)
    return Page(read(range(first, last)), encode_cursor(where, [last]) if last < size else None)
