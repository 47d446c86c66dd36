"""Databases for tests: one for all tests of a session, emptied after each, since to make one costs a quarter of a CPU-second."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from services.stack import postgres

TRUNCATED = 1 << 18  # bytes of a table from which truncating it is quicker than deleting its rows
# what a test may change beside rows; a thing that is made has a newer oid
SCHEMA = """
    SELECT md5(concat(
        (SELECT string_agg(version_num, ',') FROM alembic_version),
        (SELECT string_agg(concat(oid, relname, relacl, reloptions), ',' ORDER BY oid) FROM pg_class WHERE relkind <> 't'),
        (SELECT string_agg(concat(attrelid, attnum, attname, atttypid, attnotnull, attacl), ',' ORDER BY attrelid, attnum)
         FROM pg_attribute WHERE attrelid > 16383),
        (SELECT string_agg(oid::text, ',' ORDER BY oid) FROM pg_constraint),
        (SELECT string_agg(concat(oid, tgenabled), ',' ORDER BY oid) FROM pg_trigger),
        (SELECT string_agg(oid::text, ',' ORDER BY oid) FROM pg_proc WHERE oid > 16383),
        (SELECT string_agg(concat(oid, nspacl), ',' ORDER BY oid) FROM pg_namespace WHERE nspname !~ '^pg_t')
    ))"""
TABLES = """
    SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"""
END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
RESTART = """
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL"""


class EmptyDatabase:
    """A database that is a copy of `template` whenever it is lent."""

    def __init__(self, sockets: Path, name: str, template: str) -> None:
        self.sockets, self.name, self.template = sockets, name, template
        self.url = postgres.url(sockets, name)
        self._copy()

    @contextmanager
    def lend(self) -> Iterator[str]:
        """The database's URL, for one test."""
        yield self.url
        if not self._empty():
            drop(self.sockets, self.name)
            self._copy()

    def _copy(self) -> None:
        create(self.sockets, self.name, self.template)
        with connect(self.sockets, self.name) as connection:
            self._schema = _read_schema(connection)

    def _empty(self) -> bool:
        """Delete what the test left; False where it changed the schema."""
        with connect(self.sockets, self.name) as connection:
            connection.execute(END_OTHERS)
            if _read_schema(connection) != self._schema:
                return False
            with connection.transaction():
                connection.execute("SET LOCAL session_replication_role = replica")  # foreign keys in any order
                for table, size in _list_filled(connection):
                    verb = "TRUNCATE {} CASCADE" if size > TRUNCATED else "DELETE FROM {}"
                    connection.execute(sql.SQL(verb).format(sql.Identifier(table)))
            connection.execute(RESTART)
        return True


def create(sockets: Path, name: str, template: str) -> None:
    """A copy of the database `template`."""
    with connect(sockets, "postgres") as connection:
        copied = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        connection.execute(copied.format(sql.Identifier(name), sql.Identifier(template)))


def drop(sockets: Path, name: str) -> None:
    """Drop a database and end its connections."""
    with connect(sockets, "postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def connect(sockets: Path, name: str) -> psycopg.Connection[tuple[object, ...]]:
    """A connection of the servers' owner, each statement a transaction."""
    return psycopg.connect(host=str(sockets), user=postgres.DATABASE_USER, dbname=name, autocommit=True)


def _read_schema(connection: psycopg.Connection[tuple[object, ...]]) -> object:
    """Something that differs when the schema does; None where there is none at all."""
    try:
        return connection.execute(SCHEMA).fetchone()
    except psycopg.errors.UndefinedTable:
        return None


def _list_filled(connection: psycopg.Connection[tuple[object, ...]]) -> list[tuple[str, int]]:
    """The tables that hold rows, and their sizes in bytes."""
    sizes = [(str(table), int(str(size))) for table, size in connection.execute(TABLES)]
    first = sql.SQL("SELECT 1 FROM {} LIMIT 1")
    return [
        (table, size) for table, size in sizes if connection.execute(first.format(sql.Identifier(table))).fetchone()
    ]
