"""Migrators that run at once, and code that meets a schema of another version."""

import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from services.registry.db.database import Database, current_revision, require_head
from services.stack import postgres
from tests.chaos.customer import Customer
from tests.chaos.processes import ROOT
from tests.chaos.stand import Stand

NAME = "migrating"


@pytest.fixture
def url(stand: Stand) -> Iterator[str]:
    """An empty database beside the stand's."""
    postgres.create_database(stand.sockets, NAME)
    yield postgres.url(stand.sockets, NAME)
    with psycopg.connect(
        host=str(stand.sockets), user=postgres.DATABASE_USER, dbname="postgres", autocommit=True
    ) as connection:
        connection.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def started(url: str, *module: str) -> "subprocess.Popen[str]":
    environment = {"TRM_DATABASE_URL": url, "TRM_BROKER_URL": "redis://127.0.0.1:1/0", "TRM_GATEWAY_PORT": "0"}
    command = [sys.executable, "-m", *module]
    return subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.fault("schema", "three migrators at once")
def test_migrators_at_once(stand: Stand, customer: Customer, url: str) -> None:
    migrators = [started(url, "migrations") for _ in range(3)]
    for migrator in migrators:
        said, _ = migrator.communicate(timeout=60)
        assert migrator.returncode == 0, said
    database = Database(url)
    require_head(database)
    database.close()


@pytest.mark.fault("schema", "code on an older, and on a newer schema: it does not start, and says why")
@pytest.mark.parametrize("age", ["older", "newer"])
def test_another_schema_is_refused(stand: Stand, customer: Customer, url: str, age: str) -> None:
    said, _ = started(url, "migrations").communicate(timeout=60)
    revision = "0000" if age == "older" else "9999"
    with psycopg.connect(
        host=str(stand.sockets), user=postgres.DATABASE_USER, dbname=NAME, autocommit=True
    ) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (revision,))
    for module in (["services.gateway"], ["workers", "train"], ["workers", "solve"], ["workers", "reaper"]):
        process = started(url, *module)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 1
        assert ("schema_behind" if age == "older" else "schema_ahead") in said
    database = Database(url)
    assert current_revision(database) == revision
    database.close()
