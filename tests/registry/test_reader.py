"""The role that dashboards read with reads what they show, cannot read secrets, and cannot write."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege, OperationalError, ReadOnlySqlTransaction
from sqlalchemy.engine import make_url

from services.registry.db import access_tables, operations_tables, tables
from services.registry.db.base import Base
from services.registry.db.database import Database
from services.registry.db.reader import READABLE, READER, provide_reader
from services.registry.errors import RolesRefused
from services.stack import postgres

EVERY_MODULE = (access_tables, operations_tables, tables)  # Base.metadata holds what is imported
TABLES = {**Base.metadata.tables}
HIDDEN = [
    (name, column.name)
    for name, table in TABLES.items()
    for column in table.columns
    if column.name not in READABLE.get(name, ())
]
PASSWORD = "as good as any"
Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def owner(database_url: str) -> Iterator[Connection]:
    """The database's owner; the role is gone before and afterwards."""
    url = make_url(database_url)
    with psycopg.connect(
        host=str(url.query["host"]), dbname=url.database, user=postgres.DATABASE_USER, autocommit=True
    ) as connection:
        _forget(connection)
        yield connection
        _forget(connection)


def _forget(connection: Connection) -> None:
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (READER,)).fetchone():
        connection.execute(f"DROP OWNED BY {READER}")
        connection.execute(f"DROP ROLE {READER}")


def connect(owner: Connection, user: str = READER, password: str | None = None) -> Connection:
    return psycopg.connect(
        host=owner.info.host, dbname=owner.info.dbname, user=user, password=password, autocommit=True
    )


@pytest.fixture
def reader(owner: Connection, database: Database) -> Iterator[Connection]:
    """Connected as the role."""
    assert provide_reader(database, None)
    with connect(owner) as connection:
        yield connection


def select(table: str, *columns: str) -> sql.Composed:
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("SELECT {} FROM {}").format(listed, sql.Identifier(table))


def test_it_reads_what_dashboards_show(reader: Connection) -> None:
    for table, columns in READABLE.items():
        assert reader.execute(select(table, *columns)).fetchall() == []


def test_it_reads_nothing_else(reader: Connection) -> None:
    assert {("api_keys", "secret_sha256"), ("webhook_endpoints", "secret"), ("jobs", "request")} <= {*HIDDEN}
    assert {("jobs", "lease_token"), ("webhook_deliveries", "payload"), ("idempotency_keys", "answer")} <= {*HIDDEN}
    for table, column in HIDDEN:
        with pytest.raises(InsufficientPrivilege):
            reader.execute(select(table, column))
    with pytest.raises(InsufficientPrivilege):
        reader.execute("SELECT rolpassword FROM pg_authid")


def test_it_writes_nothing_even_when_it_asks_to(reader: Connection) -> None:
    with pytest.raises(ReadOnlySqlTransaction):
        reader.execute("CREATE TEMPORARY TABLE scratch (n int)")
    reader.execute("SET default_transaction_read_only = off")
    for table in TABLES:
        name, column = sql.Identifier(table), sql.Identifier(next(iter(TABLES[table].columns)).name)
        for statement in (
            sql.SQL("INSERT INTO {0} DEFAULT VALUES"),
            sql.SQL("UPDATE {0} SET {1} = {1}"),
            sql.SQL("DELETE FROM {0}"),
            sql.SQL("TRUNCATE {0}"),
            sql.SQL("DROP TABLE {0}"),
            sql.SQL("SELECT 1 FROM {0} FOR UPDATE"),
        ):
            with pytest.raises(InsufficientPrivilege):
                reader.execute(statement.format(name, column))
    for other in ("CREATE TABLE mine (n int)", "CREATE ROLE another", f"SET ROLE {postgres.DATABASE_USER}"):
        with pytest.raises(InsufficientPrivilege):
            reader.execute(other.encode())


def test_rights_that_are_no_longer_needed_are_taken_back(
    reader: Connection, owner: Connection, database: Database
) -> None:
    owner.execute(f"GRANT SELECT ON api_keys TO {READER}")
    owner.execute(f"GRANT SELECT (secret) ON webhook_endpoints TO {READER}")
    assert reader.execute("SELECT secret_sha256 FROM api_keys").fetchall() == []
    assert provide_reader(database, None)
    for table, column in (("api_keys", "secret_sha256"), ("webhook_endpoints", "secret")):
        with pytest.raises(InsufficientPrivilege):
            reader.execute(select(table, column))
    assert reader.execute("SELECT id FROM jobs").fetchall() == []


def test_its_password_is_the_setting_and_may_change(
    owner: Connection, database: Database, database_url: str, postgres_sockets: Path
) -> None:
    """As an operator does it, by the command, on a server that asks the role for its password."""
    trusting = postgres_sockets / "postgres" / "pg_hba.conf"
    rules = trusting.read_text()
    trusting.write_text(f"local all {READER} scram-sha-256\n{rules}")
    try:
        owner.execute("SELECT pg_reload_conf()")
        migrate(database_url, TRM_READER_PASSWORD=PASSWORD)
        with connect(owner, password=PASSWORD) as connection:
            assert connection.execute("SELECT id FROM jobs").fetchall() == []
        provide_reader(database, "another")
        for password in (PASSWORD, "", None):
            with pytest.raises(OperationalError):
                connect(owner, password=password)
        connect(owner, password="another").close()
    finally:
        trusting.write_text(rules)
        owner.execute("SELECT pg_reload_conf()")


def migrate(url: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "migrations"],
        env=os.environ | {"TRM_DATABASE_URL": url} | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_user_who_may_not_make_roles_is_told_where_it_matters(
    owner: Connection, database_url: str, database: Database
) -> None:
    owner.execute("CREATE ROLE plain LOGIN")
    for table in (*TABLES, "alembic_version"):
        owner.execute(sql.SQL("ALTER TABLE {} OWNER TO plain").format(sql.Identifier(table)))
    plain = make_url(database_url).set(username="plain").render_as_string()
    modest = Database(plain)
    try:
        assert "there is no trm_reader" in migrate(plain)
        with pytest.raises(RolesRefused, match="may not make the role trm_reader"):
            provide_reader(modest, PASSWORD)
        owner.execute(f"CREATE ROLE {READER} LOGIN")  # as an administrator would
        owner.execute("CREATE TABLE of_another_program (n int)")
        assert provide_reader(modest, None)
        with connect(owner) as connection:
            assert connection.execute("SELECT id FROM jobs").fetchall() == []
    finally:
        modest.close()
        _forget(owner)
        owner.execute("REASSIGN OWNED BY plain TO CURRENT_USER")
        owner.execute("DROP ROLE plain")
