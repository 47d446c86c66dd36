"""Finds a row by an identifier that someone outside has typed."""

from typing import TypeVar

from sqlalchemy.orm import Session

from services.registry.db.base import Base

Row = TypeVar("Row", bound=Base)


def find(session: Session, table: type[Row], row_id: str) -> Row | None:
    """The row with this id, or None; a text that Postgres cannot hold is nobody's id."""
    return None if "\0" in row_id else session.get(table, row_id)
