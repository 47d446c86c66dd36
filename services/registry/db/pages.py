"""Lists in pages: newest first, continued by a cursor that stays valid however many rows are added meanwhile."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.registry.db.storable import storable
from services.registry.errors import InvalidCursor
from trm.json_text import to_json

T = TypeVar("T")
VERSION = 1


@dataclass(frozen=True)
class Page(Generic[T]):
    """A page of rows, and the cursor of the next page; None on the last one."""

    items: list[T]
    next_cursor: str | None

    @property
    def has_more(self) -> bool:
        """Whether there are rows after these."""
        return self.next_cursor is not None


def newest_first(
    session: Session,
    statement: Select[T],
    created_at: InstrumentedAttribute[datetime],
    row_id: InstrumentedAttribute[str],
    cursor: str | None,
    limit: int,
) -> Page[T]:
    """A page of `statement`, ordered by moment of creation and id, newest first; raises InvalidCursor."""
    where = row_id.class_.__tablename__
    if cursor is not None:
        moment, last_id = _read_mark(decode_cursor(where, cursor))
        statement = statement.where(tuple_(created_at, row_id) < tuple_(literal(moment), literal(last_id)))
    rows = list(session.scalars(statement.order_by(created_at.desc(), row_id.desc()).limit(limit + 1)))
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]
    mark = [getattr(last, created_at.key).isoformat(), getattr(last, row_id.key)]
    return Page(rows[:limit], encode_cursor(where, mark))


def encode_cursor(where: str, mark: list[Any]) -> str:
    """An opaque text for a place in the list named `where`."""
    return base64.urlsafe_b64encode(to_json([VERSION, where, *mark]).encode()).decode().rstrip("=")


def decode_cursor(where: str, cursor: str) -> list[Any]:
    """The mark inside a cursor of the list named `where`; raises InvalidCursor for any other text."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError, ValueError, RecursionError) as error:
        raise _make_refusal() from error
    if not isinstance(parts, list) or parts[:2] != [VERSION, where]:
        raise _make_refusal()
    return parts[2:]


def decode_place(where: str, cursor: str) -> int:
    """The mark inside a cursor of a list in which rows are counted; raises InvalidCursor for any other text."""
    mark = decode_cursor(where, cursor)
    match mark:
        case [int(place)] if 0 <= place < 2**31:
            return place
    raise _make_refusal()


def _read_mark(mark: list[Any]) -> tuple[datetime, str]:
    try:
        moment, last_id = datetime.fromisoformat(mark[0]), mark[1]
    except (IndexError, TypeError, ValueError) as error:
        raise _make_refusal() from error
    if moment.tzinfo is None or not isinstance(last_id, str) or storable(last_id) != last_id:
        raise _make_refusal()
    return moment, last_id


def _make_refusal() -> InvalidCursor:
    return InvalidCursor("This cursor was not issued by this list. Start again without a cursor.")
