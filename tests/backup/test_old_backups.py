"""Backups that older code has made are brought to the schema of today."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from migrations.upgrade import upgrade
from services.backup import create as making
from services.backup.create import create
from services.registry.db.database import Database, require_head
from services.registry.states import JobStatus
from services.registry.storage import artifacts
from services.registry.storage.storage import Storage
from tests.backup.conftest import restore, rows_of, status_of
from tests.registry.test_migrations import REVISIONS, climb

pytestmark = pytest.mark.slow
CHANGED = {"jobs", "job_attempts", "job_events"}  # by the job that was running


@pytest.fixture
def old(database_url: str) -> Iterator[Database]:
    """A database that is no longer the newest."""
    database = Database(database_url)
    with database.transaction() as session:
        session.execute(text("DROP SCHEMA public CASCADE"))
        session.execute(text("CREATE SCHEMA public"))
    yield database
    database.close()


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_backup_of_any_schema_is_brought_to_the_newest(
    revision: str, old: Database, database_url: str, empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    climb(old, database_url, until=revision)
    monkeypatch.setattr(making, "require_head", lambda _: None)  # as the code of then did
    monkeypatch.setattr(artifacts, "list_recorded", lambda _: [])
    storage = Storage((tmp_path / "artifacts").as_uri())
    made = create(old, storage, tmp_path / "backups")
    assert made.manifest.schema_revision == revision
    restore(empty, storage, made.path)
    require_head(empty)
    upgrade(database_url)
    expected, found = rows_of(old), rows_of(empty)
    assert {name: found[name] for name in found.keys() - CHANGED} == {
        name: expected[name] for name in expected.keys() - CHANGED
    }
    assert {name: len(rows) for name, rows in found.items() if name != "job_events"} == {
        name: len(rows) for name, rows in expected.items() if name != "job_events"
    }
    assert status_of(empty, "job_running") is JobStatus.QUEUED
