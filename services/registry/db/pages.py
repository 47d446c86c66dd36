"""Lists in pages: newest first, continued by a cursor that stays valid however many rows are added meanwhile."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, literal, tuple_
from sqlalchemy.orm import Session

from services.registry.db.base import Dated
from services.registry.db.storable import storable
from services.registry.errors import InvalidCursor
from trm.json_text import to_json

T = TypeVar("T")
D = TypeVar("D", bound=Dated)
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


def newest_first(session: Session, statement: Select[D], table: type[D], cursor: str | None, limit: int) -> Page[D]:
    """A page of `statement`, ordered by moment of creation and id, newest first; raises InvalidCursor."""
    where = table.__tablename__
    if cursor is not None:
        moment, last_id = decode_mark(where, cursor, str, str)
        statement = statement.where(
            tuple_(table.created_at, table.id) < tuple_(literal(_read_moment(moment)), literal(last_id))
        )
    rows = session.scalars(statement.order_by(table.created_at.desc(), table.id.desc()).limit(limit + 1)).all()
    return cut(rows, limit, where, lambda last: [last.created_at.isoformat(), last.id])


def cut(rows: Sequence[T], limit: int, where: str, mark: Callable[[T], list[Any]]) -> Page[T]:
    """A page of the first `limit` rows of the list named `where`; a row more than that says that another page follows."""
    if len(rows) <= limit:
        return Page(list(rows), None)
    return Page(list(rows[:limit]), encode_cursor(where, mark(rows[limit - 1])))


def encode_cursor(where: str, mark: list[Any]) -> str:
    """An opaque text for a place in the list named `where`."""
    return base64.urlsafe_b64encode(to_json([VERSION, where, *mark]).encode()).decode().rstrip("=")


def decode_mark(where: str, cursor: str, *kinds: type) -> list[Any]:
    """The mark inside a cursor of the list named `where`, of these kinds; raises InvalidCursor for any other text."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError, ValueError, RecursionError) as error:
        raise _make_refusal() from error
    if not isinstance(parts, list) or parts[:2] != [VERSION, where]:
        raise _make_refusal()
    mark = parts[2:]
    if [type(part) for part in mark] != list(kinds) or not all(map(_can_be_asked_for, mark)):
        raise _make_refusal()
    return mark


def decode_place(where: str, cursor: str) -> int:
    """The mark inside a cursor of a list in which rows are counted; raises InvalidCursor for any other text."""
    place: int = decode_mark(where, cursor, int)[0]
    return place


def _can_be_asked_for(part: int | str) -> bool:
    return storable(part) == part if isinstance(part, str) else 0 <= part < 2**31


def _read_moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _make_refusal() from error
    if moment.tzinfo is None:
        raise _make_refusal()
    return moment


def _make_refusal() -> InvalidCursor:
    return InvalidCursor("This cursor was not issued by this list. Start again without a cursor.")
