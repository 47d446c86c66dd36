"""All rows as files and back: by COPY, table by table, whichever tables the schema has."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from gzip import GzipFile
from typing import IO

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.registry.db.bulk import copy_statement
from services.registry.db.database import driver_connection

CHUNK_BYTES = 1 << 20

COLUMNS = """
    SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) FROM information_schema.columns
    JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'
    AND table_name <> 'alembic_version' GROUP BY table_name ORDER BY table_name
"""
FOREIGN_KEYS = """
    SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
"""
SEQUENCES = """
    SELECT quote_ident(table_name), quote_ident(column_name), pg_get_serial_sequence(quote_ident(table_name), column_name)
    FROM information_schema.columns WHERE table_schema = current_schema()
    AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL
"""
EXACTLY = "SET LOCAL extra_float_digits = 1; SET LOCAL datestyle = 'ISO'"  # whatever the server is set to
OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'trm' AND pid <> pg_backend_pid()
"""


def columns(session: Session) -> dict[str, list[str]]:
    """The columns of every table, by its name."""
    return {name: list(names) for name, names in session.execute(text(COLUMNS))}


def copy_out(session: Session, table: str, names: Sequence[str], file: IO[bytes] | GzipFile) -> int:
    """Write all rows of a table; how many. The text is the same for every version of Postgres."""
    with driver_connection(session).cursor() as cursor:
        cursor.execute(EXACTLY)
        with cursor.copy(copy_statement(table, names, "TO STDOUT")) as copy:
            for piece in copy:
                file.write(piece)
        return cursor.rowcount


def copy_in(session: Session, table: str, names: Sequence[str], file: IO[bytes] | GzipFile) -> int:
    """Add the rows that `copy_out` has written; how many."""
    with driver_connection(session).cursor() as cursor:
        with cursor.copy(copy_statement(table, names, "FROM STDIN")) as copy:
            while piece := file.read(CHUNK_BYTES):
                copy.write(piece)
        return cursor.rowcount


def has_rows(session: Session) -> bool:
    """Whether any table has rows."""
    asked = (text(f"SELECT EXISTS (SELECT FROM {_quote(session, name)})") for name in columns(session))  # noqa: S608
    return any(session.scalar(question) for question in asked)


def others(session: Session) -> int:
    """Number of other connections of the service to this database."""
    return session.scalar(text(OTHERS)) or 0


def drop_tables(session: Session) -> None:
    """Remove every table, with all its rows."""
    for name in (*columns(session), "alembic_version"):
        session.execute(text(f"DROP TABLE IF EXISTS {_quote(session, name)} CASCADE"))


@contextmanager
def without_foreign_keys(session: Session) -> Iterator[None]:
    """Rows may come in any order in the block: what they refer to is checked at its end."""
    keys = session.execute(text(FOREIGN_KEYS)).all()
    for table, name, _ in keys:
        session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    yield
    for table, name, definition in keys:
        session.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"))


def advance_sequences(session: Session) -> None:
    """Set sequences to continue after the highest value of their columns."""
    for table, column, sequence in session.execute(text(SEQUENCES)).all():
        after = f"(SELECT coalesce(max({column}), 0) + 1 FROM {table})"  # noqa: S608
        session.execute(text(f"SELECT setval(:sequence, {after}, false)"), {"sequence": sequence})


def _quote(session: Session, name: str) -> str:
    return session.connection().dialect.identifier_preparer.quote(name)
