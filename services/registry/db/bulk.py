"""Many rows at once by COPY, in the session's own transaction."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from psycopg import sql
from sqlalchemy.orm import Session

from services.registry.db.base import Base
from services.registry.db.database import driver_connection


def copy_rows(session: Session, table: type[Base], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Add rows of these columns; unlike INSERT, COPY has no rule for a row that is there already."""
    statement = copy_statement(table.__tablename__, columns, "FROM STDIN")
    with driver_connection(session).cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([_write_array(value) if isinstance(value, list) else value for value in row])


def copy_statement(table: str, columns: Sequence[str], direction: Literal["FROM STDIN", "TO STDOUT"]) -> sql.Composed:
    """A COPY of these columns."""
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("COPY {} ({}) " + direction).format(sql.Identifier(table), listed)


def _write_array(numbers: Sequence[float | None]) -> str:
    """Numbers as Postgres reads an array; psycopg, which asks each for its type, takes three times as long."""
    return "{" + ",".join("NULL" if number is None else repr(number) for number in numbers) + "}"
