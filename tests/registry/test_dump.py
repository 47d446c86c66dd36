"""Rows go out and come back whatever the schema holds."""

import io

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.registry.db import dump
from services.registry.db.database import Database

SCHEMA = """
    CREATE TABLE "odd name" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "user" text, twice bigint
        GENERATED ALWAYS AS (id * 2) STORED, other bigint);
    CREATE TABLE counted (id serial PRIMARY KEY, odd bigint REFERENCES "odd name" (id), raw bytea, at timestamptz, x float8[]);
    ALTER TABLE "odd name" ADD CONSTRAINT circle FOREIGN KEY (other) REFERENCES counted (id);
"""


def fill(session: Session) -> None:
    session.execute(
        text("""INSERT INTO "odd name" ("user") SELECT E'a\\tb\\\\N\\n' || n FROM generate_series(1, 3) n""")
    )
    session.execute(
        text(
            "INSERT INTO counted (odd, raw, at, x) SELECT id, '\\x00ff', "
            "'2026-01-02 03:04:05.678901+02', ARRAY[CAST(0.1 AS float8) + CAST(0.2 AS float8), NULL, 'NaN', '-Infinity'] FROM \"odd name\""
        )
    )
    session.execute(text("""UPDATE "odd name" SET other = id"""))


def rows(session: Session) -> list[list[str]]:
    tables = ('"odd name"', "counted")
    return [list(session.scalars(text(f"SELECT t::text FROM {table} t ORDER BY id"))) for table in tables]


def test_rows_come_back_with_circles_generated_columns_and_counters(database: Database) -> None:
    with database.transaction() as session:
        dump.drop_tables(session)
        session.execute(text(SCHEMA))
        fill(session)
        before = rows(session)
        columns = dump.columns(session)
        assert columns == {"counted": ["id", "odd", "raw", "at", "x"], "odd name": ["id", "user", "other"]}
        files = {name: io.BytesIO() for name in columns}
        session.execute(text("SET LOCAL extra_float_digits = 0; SET LOCAL datestyle = 'SQL, DMY'"))
        assert {dump.copy_out(session, name, names, files[name]) for name, names in columns.items()} == {3}
        dump.drop_tables(session)
        session.execute(text(SCHEMA))
        assert not dump.has_rows(session)
        with dump.without_foreign_keys(session):
            for name, names in columns.items():
                files[name].seek(0)
                assert dump.copy_in(session, name, names, files[name]) == 3
        dump.advance_sequences(session)
        assert dump.has_rows(session)
        assert rows(session) == before
        fill(session)
        assert [row[0] for row in session.execute(text("SELECT id FROM counted ORDER BY id"))] == list(range(1, 10))


def test_rows_that_refer_to_nothing_are_refused(database: Database) -> None:
    with database.transaction() as session:
        dump.drop_tables(session)
        session.execute(text(SCHEMA))
    with pytest.raises(IntegrityError), database.transaction() as session, dump.without_foreign_keys(session):
        session.execute(text("INSERT INTO counted (odd) VALUES (7)"))


def test_a_snapshot_sees_one_moment_and_changes_nothing(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("CREATE TABLE t (n int)"))
    with database.snapshot() as seen:
        assert seen.scalar(text("SELECT count(*) FROM t")) == 0
        with database.transaction() as session:
            session.execute(text("INSERT INTO t VALUES (1)"))
        assert seen.scalar(text("SELECT count(*) FROM t")) == 0
        assert seen.scalar(text("SHOW transaction_read_only")) == "on"
        assert seen.scalar(text("SHOW statement_timeout")) == "0"
    with database.transaction() as session:
        assert session.scalar(text("SHOW transaction_isolation")) == "read committed"
        assert session.scalar(text("SHOW transaction_read_only")) == "off"
        assert session.scalar(text("SHOW statement_timeout")) == "1min"
