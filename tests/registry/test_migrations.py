"""The schema is made by the migrations, by one migrator at a time, and every process checks it before it starts."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import ProgrammingError

from migrations.upgrade import Upgrade, alembic_config, script_directory, upgrade, wait_for_database
from services.registry.db.base import Base
from services.registry.db.database import Database, current_revision, require_head
from services.registry.db.tables import REVISION, Job
from services.registry.errors import DatabaseUnavailable, SchemaAhead, SchemaBehind
from tests.registry import old_rows

HEAD = str(script_directory().get_current_head())
OLDER, NEWER = "0000", "9999"  # revisions that no code has
REVISIONS = [script.revision for script in script_directory().walk_revisions()][::-1]  # the oldest first


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Database]:
    database = Database(empty_database_url)
    yield database
    database.close()


def _checks(database: Database) -> dict[str, set[str | None]]:
    tables = Base.metadata.tables
    return {name: {check["name"] for check in inspect(database.engine).get_check_constraints(name)} for name in tables}


def test_migrations_make_the_tables_that_the_code_describes(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_make_the_same_checks_as_the_code(database: Database, empty: Database) -> None:
    Base.metadata.create_all(empty.engine)
    described = _checks(empty)
    assert _checks(database) == described
    assert len(described["jobs"]) > 8


def test_every_migration_can_be_taken_back_and_applied_again(database: Database, database_url: str) -> None:
    config = alembic_config(database_url)
    for script in script_directory().walk_revisions():
        command.downgrade(config, str(script.down_revision or "base"))
        command.upgrade(config, script.revision)
        command.downgrade(config, str(script.down_revision or "base"))
    assert inspect(database.engine).get_table_names() == ["alembic_version"]
    assert upgrade(database_url) == Upgrade(None, HEAD)


def climb(database: Database, url: str, *, until: str | None = None) -> dict[str, old_rows.State]:
    """Upgrade an empty database step by step, each time with the rows that the revision is the first to hold; all states.

    What was there before a step is there after it.
    """
    config, states, before = alembic_config(url), dict[str, old_rows.State](), old_rows.State()
    for revision in REVISIONS:
        command.upgrade(config, revision)
        with database.engine.begin() as connection:
            after = old_rows.state_of(connection)
            retold = {table: old_rows.RETOLD.get((revision, table), set()) for table in before}
            assert old_rows.missing(before, after, but=retold) == []
            old_rows.put_in(connection, revision, set(before))
            before = states[revision] = old_rows.state_of(connection)
        if revision == until:
            break
    return states


def test_no_row_is_lost_on_the_way_up_and_none_that_the_older_schema_can_hold_on_the_way_down(
    empty: Database, empty_database_url: str
) -> None:
    states = climb(empty, empty_database_url)
    assert all(states[HEAD].values())  # something in every table
    config, above = alembic_config(empty_database_url), states[HEAD]
    for newer, older in zip(reversed(REVISIONS), reversed(REVISIONS[:-1]), strict=False):
        command.downgrade(config, older)
        with empty.engine.connect() as connection:
            now = old_rows.state_of(connection)
        assert now.keys() == states[older].keys()
        assert old_rows.missing(states[older], now, but={}) == []  # as if it had never been newer
        otherwise = {table: old_rows.TOLD_OTHERWISE.get((newer, table), set()) for table in now}
        assert old_rows.missing(old_rows.holdable(above, newer), now, but=otherwise) == []
        above = now
    command.downgrade(config, "base")
    assert inspect(empty.engine).get_table_names() == ["alembic_version"]
    assert upgrade(empty_database_url) == Upgrade(None, HEAD)


def test_there_is_one_line_of_migrations() -> None:
    assert script_directory().get_heads() == [HEAD]
    assert sorted(REVISIONS) == REVISIONS


def test_tables_name_the_newest_migration() -> None:
    assert REVISION == HEAD


def _run_migrations(url: str, cwd: Path, *options: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "TRM_DATABASE_URL": url}
    arguments = [sys.executable, "-W", "error", "-m", "migrations", *options]
    return subprocess.Popen(
        arguments, env=environment, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.slow
def test_migrators_that_run_at_once_take_turns(empty_database_url: str, tmp_path: Path) -> None:
    migrators = [_run_migrations(empty_database_url, tmp_path) for _ in range(3)]
    outputs = [migrator.communicate(timeout=60) for migrator in migrators]
    assert [(migrator.returncode, errors) for migrator, (_, errors) in zip(migrators, outputs, strict=True)] == [
        (0, "")
    ] * 3
    again = _run_migrations(empty_database_url, tmp_path)
    assert again.communicate(timeout=60) == (f"The schema is at {HEAD} already; nothing to do.\n", "")


@pytest.mark.slow
def test_migrators_that_run_at_once_on_old_rows_take_turns(
    empty: Database, empty_database_url: str, tmp_path: Path
) -> None:
    before = climb(empty, empty_database_url, until=REVISIONS[0])[REVISIONS[0]]
    migrators = [_run_migrations(empty_database_url, tmp_path) for _ in range(2)]
    outputs = [migrator.communicate(timeout=60) for migrator in migrators]
    assert [errors for _, errors in outputs] == ["", ""]
    require_head(empty)
    with empty.engine.connect() as connection:
        after = old_rows.state_of(connection)
    assert {name: len(rows) for name, rows in before.items()}.items() <= {n: len(r) for n, r in after.items()}.items()


def test_migrator_waits_for_the_lock_of_another(empty: Database, empty_database_url: str, tmp_path: Path) -> None:
    with empty.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(0x74726D6D696772)"))
        migrator = _run_migrations(empty_database_url, tmp_path)
        with pytest.raises(subprocess.TimeoutExpired):
            migrator.communicate(timeout=3)
        assert current_revision(empty) is None
    empty.close()  # the lock is the session's
    output, errors = migrator.communicate(timeout=60)
    assert errors == ""
    assert output.startswith(f"The schema went from nothing to {HEAD}")


def test_head_is_accepted(database: Database) -> None:
    require_head(database)


def test_schema_behind_is_refused(empty: Database) -> None:
    with pytest.raises(SchemaBehind, match="python -m migrations"):
        require_head(empty)


def test_schema_ahead_is_refused_by_processes_and_migrators(database: Database, database_url: str) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaAhead, match="9999"):
        require_head(database)
    with pytest.raises(SchemaAhead, match="9999"):
        upgrade(database_url)


@pytest.mark.parametrize(
    "role",
    [
        ["services.gateway"],
        *(pytest.param(["workers", role], marks=pytest.mark.slow) for role in ("solve", "train", "reaper")),
    ],
)
@pytest.mark.parametrize("other", ["behind", pytest.param("ahead", marks=pytest.mark.slow)])
def test_no_part_starts_on_a_schema_of_another_age(
    role: list[str], other: str, database: Database, database_url: str, tmp_path: Path
) -> None:
    if other == "behind":
        command.downgrade(alembic_config(database_url), "-1")
    else:
        with database.transaction() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    environment = {
        **os.environ, "TRM_DATABASE_URL": database_url, "TRM_BROKER_URL": f"redis+socket://{tmp_path}/none",
        "TRM_DATA_DIR": str(tmp_path), "TRM_GATEWAY_PORT": "0",
    }  # fmt: skip
    part = [sys.executable, "-m", *role]
    ended = subprocess.run(part, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert f"schema_{other}" in ended.stderr + ended.stdout


@pytest.mark.parametrize(("change", "error"), [("DROP", SchemaBehind), ("UPDATE", SchemaAhead)])
def test_a_query_that_does_not_fit_the_schema_says_which_is_older(
    change: str, error: type[Exception], database: Database
) -> None:
    with database.transaction() as session:
        session.execute(text("ALTER TABLE jobs DROP COLUMN priority CASCADE"))
        revision = OLDER if change == "DROP" else NEWER
        session.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))
    with pytest.raises(error), database.transaction() as session:
        session.execute(select(Job.priority))


def test_a_query_that_is_wrong_is_not_blamed_on_the_schema(database: Database) -> None:
    with pytest.raises(ProgrammingError), database.transaction() as session:
        session.execute(text("SELECT nothing_has_this_name"))


def test_migrator_gives_up_on_a_database_that_is_not_there(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://absent@/none?host={tmp_path}"
    with pytest.raises(DatabaseUnavailable):
        wait_for_database(url, seconds=0.1)
    migrator = _run_migrations(url, tmp_path, "--wait", "0.1")
    output, errors = migrator.communicate(timeout=60)
    assert (migrator.returncode, output) == (1, "")
    assert "[database_unavailable]" in errors
