"""A backup holds everything as of one moment, or is not there; it comes back whole, or changes nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from services.backup import create as making
from services.backup.create import create
from services.backup.manifest import MANIFEST, SUMS, verify
from services.registry.access.visibility import EVERYTHING
from services.registry.db import dump
from services.registry.db.database import Database, require_head
from services.registry.db.locks import Lock, held
from services.registry.db.tables import Checkpoint, Job
from services.registry.errors import (
    BackupBusy,
    BackupDamaged,
    BackupNotFound,
    DatabaseInUse,
    DatabaseNotEmpty,
    SchemaAhead,
    StaleLease,
    StorageUnavailable,
)
from services.registry.jobs import attempts, jobs, leases, rescue
from services.registry.jobs.leases import Claim
from services.registry.runs import checkpoints
from services.registry.states import JobKind, JobStatus, Outcome
from services.registry.storage.storage import Storage
from tests.backup.conftest import Service, files_below, restore, rows_of, status_of
from tests.fresh import new_job, new_run
from tests.registry.conftest import CONFIG
from trm.durable import digest
from trm.errors import StorageFull
from workers.retention import clear_out


def destroy(service: Service) -> None:
    """Lose everything."""
    with service.database.transaction() as session:
        dump.drop_tables(session)
    shutil.rmtree(service.files)


def untold(database: Database) -> list[str]:
    """Jobs without the moment of their message, where they wait."""
    but = "to_jsonb(j) - CASE status WHEN 'queued' THEN 'published_at' ELSE '' END"
    with database.transaction() as session:
        return list(session.scalars(text(f"SELECT ({but})::text FROM jobs j ORDER BY 1")))


def test_what_was_destroyed_comes_back_row_by_row_and_file_by_file(service: Service, tmp_path: Path) -> None:
    before, jobs_before = service.everything(), untold(service.database)
    made = create(service.database, service.storage, tmp_path / "backups")
    assert service.everything() == before
    destroy(service)
    restore(service.database, service.storage, made.path)
    require_head(service.database)
    rows, files = service.everything()
    assert (rows | {"jobs": []}, files) == (before[0] | {"jobs": []}, before[1])
    assert untold(service.database) == jobs_before
    assert made.manifest.rows == sum(map(len, before[0].values()))
    assert len(made.manifest.artifacts) == 3


def test_checks_of_the_schema_hold_after_a_restore(service: Service, empty: Database, tmp_path: Path) -> None:
    def constraints(database: Database) -> list[tuple[str, str]]:
        with database.transaction() as session:
            rows = session.execute(
                text(
                    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
                    "WHERE connamespace = 'public'::regnamespace ORDER BY conname"
                )
            )
            return [(name, definition) for name, definition in rows]

    made = create(service.database, service.storage, tmp_path)
    restore(empty, service.storage, made.path)
    assert constraints(empty) == constraints(service.database)


def test_another_place_is_written_into_the_rows(service: Service, empty: Database, tmp_path: Path) -> None:
    made = create(service.database, service.storage, tmp_path / "backups")
    elsewhere = Storage((tmp_path / "elsewhere").as_uri())
    restore(empty, elsewhere, made.path)
    assert files_below(Path(elsewhere.root)) == files_below(service.files)
    with service.database.transaction() as session:
        old = [row.url for row in session.query(Checkpoint)]
    with empty.transaction() as session:
        new = [row.url for row in session.query(Checkpoint)]
        asked = [job.request["dataset"]["url"] for job in session.query(Job) if job.request.get("dataset")]
    assert new == [url.replace(str(service.files), elsewhere.root) for url in old]
    assert all(elsewhere.exists(url) for url in (*new, *asked))
    assert len(asked) == 1


def test_running_jobs_are_queued_again_and_their_workers_locked_out(
    service: Service, empty: Database, tmp_path: Path
) -> None:
    book = service.book
    plain, cancelled, paused = (book.training() for _ in range(3))
    with book.transaction() as session:
        jobs.request_cancel(session, EVERYTHING, cancelled.job_id)
        jobs.request_pause(session, EVERYTHING, paused.job_id)
        rescue.mark_published(session, [job.id for job in session.query(Job)])
    made = create(service.database, service.storage, tmp_path / "backups")
    assert restore(empty, service.storage, made.path).requeued == 3
    states = [status_of(empty, claim.job_id) for claim in (plain, cancelled, paused)]
    assert states == [JobStatus.QUEUED, JobStatus.CANCELLED, JobStatus.PAUSED]
    for claim in (plain, cancelled, paused):
        with pytest.raises(StaleLease), empty.transaction() as session:
            leases.heartbeat(session, claim)
    with empty.transaction() as session:
        [first] = attempts.of_job(session, EVERYTHING, plain.job_id)
        assert first.outcome is Outcome.RELEASED
        again = leases.claim(session, plain.job_id, "worker-2", 30)
        assert again is not None
        assert (again.attempt, again.max_attempts) == (2, plain.max_attempts + 1)
    with empty.transaction() as session:
        waiting = session.query(Job).where(Job.status == JobStatus.QUEUED).count()
        assert len(rescue.never_announced(session)) == waiting > 1


def test_rows_are_not_overwritten_unless_told(service: Service, tmp_path: Path) -> None:
    made = create(service.database, service.storage, tmp_path / "backups")
    with service.book.transaction() as session:
        later = new_run(session, CONFIG).id
    before = service.everything()
    with pytest.raises(DatabaseNotEmpty, match="--replace"):
        restore(service.database, service.storage, made.path)
    assert service.everything() == before
    restore(service.database, service.storage, made.path, replace=True)
    rows, files = service.everything()
    assert files == before[1]
    assert len(rows["runs"]) == len(before[0]["runs"]) - 1
    assert not any(later in row for row in rows["runs"])


def test_a_database_in_use_is_left_alone(service: Service, database_url: str, tmp_path: Path) -> None:
    made = create(service.database, service.storage, tmp_path / "backups")
    gateway = Database(database_url)
    with gateway.transaction() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseInUse, match="1 times"):
            restore(service.database, service.storage, made.path, replace=True)
    gateway.close()


def flip(path: Path) -> None:
    """One bit, in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def shorten(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[2:]))


DAMAGE: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "a row": ("tables/jobs.copy.gz", flip),
    "a weight": ("artifacts/*/model.safetensors", flip),
    "the manifest": (MANIFEST, flip),
    "the digests": (SUMS, flip),
    "no rows": ("tables/runs.copy.gz", Path.unlink),
    "no weights": ("artifacts/*/model.safetensors", Path.unlink),
    "no digests": (SUMS, Path.unlink),
    "fewer digests": (SUMS, shorten),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_backup_is_refused(damage: str, service: Service, empty: Database, tmp_path: Path) -> None:
    made = create(service.database, service.storage, tmp_path / "backups")
    shutil.rmtree(service.files)
    pattern, harm = DAMAGE[damage]
    harm(next(made.path.glob(pattern)))
    with pytest.raises(BackupDamaged):
        restore(empty, service.storage, made.path)
    assert rows_of(empty) == {}
    assert not service.files.exists()


def test_what_is_no_backup_is_refused(service: Service, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(BackupNotFound):
            restore(service.database, service.storage, path, replace=True)


def test_the_digests_are_those_of_sha256sum(service: Service, tmp_path: Path) -> None:
    made = create(service.database, service.storage, tmp_path / "backups")
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=made.path, check=True)


@pytest.mark.parametrize("change", [{"schema_revision": "9999"}, {"format": "trm-backup/2"}, {"more": 1}])
def test_a_backup_of_newer_code_is_refused(
    change: dict[str, Any], service: Service, empty: Database, tmp_path: Path
) -> None:
    made = create(service.database, service.storage, tmp_path / "backups")
    manifest, sums = made.path / MANIFEST, made.path / SUMS
    old = digest(manifest)
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    sums.write_text(sums.read_text().replace(old, digest(manifest)))
    with pytest.raises(SchemaAhead, match="or newer"):
        restore(empty, service.storage, made.path)
    assert rows_of(empty) == {}


def test_a_restore_that_fails_at_the_end_changes_nothing(
    service: Service, empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create(service.database, service.storage, tmp_path / "backups")
    shutil.rmtree(service.files)

    def fail(_: object) -> int:
        raise RuntimeError("at the end")

    monkeypatch.setattr(rescue, "release_all", fail)
    with pytest.raises(RuntimeError):
        restore(empty, service.storage, made.path)
    assert rows_of(empty) == {}
    assert files_below(service.files) == {}


def test_a_storage_without_room_takes_nothing(service: Service, empty: Database, tmp_path: Path) -> None:
    made = create(service.database, service.storage, tmp_path / "backups")
    small = Storage((tmp_path / "small").as_uri(), min_free_bytes=1 << 60)
    with pytest.raises(StorageFull):
        restore(empty, small, made.path)
    assert (rows_of(empty), files_below(tmp_path / "small")) == ({}, {})


def test_damaged_files_in_the_storage_are_put_right(service: Service, tmp_path: Path) -> None:
    before = files_below(service.files)
    made = create(service.database, service.storage, tmp_path / "backups")
    flip(next(service.files.rglob("model.safetensors")))
    restore(service.database, service.storage, made.path, replace=True)
    assert files_below(service.files) == before


def test_what_was_damaged_before_is_named_and_kept_as_it_is(service: Service, empty: Database, tmp_path: Path) -> None:
    damaged, lost, _ = sorted(path for path in service.files.rglob("*") if path.name in ("meta.json", "dataset.json"))
    flip(damaged)
    shutil.rmtree(lost.parent)
    before = files_below(service.files)
    made = create(service.database, service.storage, tmp_path / "backups")
    assert sorted(note.split(" ")[1] for note in made.manifest.not_intact()) == ["(damaged)", "(missing)"]
    shutil.rmtree(service.files)
    restore(empty, service.storage, made.path)
    assert files_below(service.files) == before


class Meddling(Storage):
    """A storage in whose reading something else happens."""

    def __init__(self, url: str, act: Callable[[], object]) -> None:
        super().__init__(url)
        self.act = act

    def fetch_folder(self, url: str, local: Path) -> Path:
        self.act()
        return super().fetch_folder(url, local)


def test_nothing_is_deleted_while_it_is_copied_and_everything_after(service: Service, tmp_path: Path) -> None:
    claim = service.book.training()
    for step in range(1, 4):
        service.checkpoint(claim, step)
    deleted = list[int]()

    def retire() -> None:
        with service.book.transaction() as session:
            checkpoints.retire(session, claim, keep=1)
        deleted.append(clear_out(service.database, service.storage))

    made = create(service.database, Meddling(service.storage.url_of(""), retire), tmp_path / "backups")
    assert set(deleted) == {0}
    assert len(made.manifest.artifacts) == 6
    assert made.manifest.not_intact() == []
    assert clear_out(service.database, service.storage) == 2
    again = create(service.database, service.storage, tmp_path / "backups")
    assert len(again.manifest.artifacts) == 4


def test_retired_checkpoints_come_back_as_rows_to_be_cleared_out(
    service: Service, empty: Database, tmp_path: Path
) -> None:
    claim = service.book.training()
    for step in range(1, 4):
        service.checkpoint(claim, step)
    with service.book.transaction() as session:
        checkpoints.retire(session, claim, keep=1)
    made = create(service.database, service.storage, tmp_path / "backups")
    shutil.rmtree(service.files)
    restore(empty, service.storage, made.path)
    assert len(rows_of(empty)["checkpoints"]) == len(rows_of(service.database)["checkpoints"])
    assert clear_out(empty, service.storage) == 2


def test_a_backup_that_fails_leaves_nothing(service: Service, tmp_path: Path) -> None:
    def fail() -> None:
        raise StorageUnavailable("on the way")

    with pytest.raises(StorageUnavailable):
        create(service.database, Meddling(service.storage.url_of(""), fail), tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []
    create(service.database, service.storage, tmp_path / "backups")


def test_a_backup_that_is_killed_is_never_seen(service: Service, database_url: str, tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from services.backup.create import create
from services.registry.db.database import Database
from tests.backup.test_backup import Meddling
killed = Meddling({service.storage.url_of("")!r}, lambda: os.kill(os.getpid(), signal.SIGKILL))
create(Database({database_url!r}), killed, Path({str(tmp_path / "backups")!r}))
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)
    assert ended.returncode == -signal.SIGKILL
    left = [path.name for path in (tmp_path / "backups").iterdir()]
    assert all(name.startswith(".") for name in left)
    assert len(left) == 1
    verify(create(service.database, service.storage, tmp_path / "backups").path)


def test_one_backup_at_a_time(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "PATIENCE", 0.0)
    for lock in Lock:
        with held(service.database, lock, 0) as taken:
            assert taken
            with pytest.raises(BackupBusy):
                create(service.database, service.storage, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []


def test_work_goes_on_while_a_backup_is_made(service: Service, tmp_path: Path) -> None:
    claims = list[Claim]()

    def work() -> None:
        with service.book.transaction() as session:
            job = new_job(session, JobKind.TRAIN, {}, run_id=new_run(session, CONFIG).id)
        claims.append(service.book.claim(job.id))

    made = create(service.database, Meddling(service.storage.url_of(""), work), tmp_path / "backups")
    rows = rows_of(service.database)
    assert len(claims) == len(made.manifest.artifacts)
    assert made.manifest.tables["runs"].rows == len(rows["runs"]) - len(claims)  # as of its beginning


@pytest.mark.slow
def test_the_commands(service: Service, database_url: str, tmp_path: Path) -> None:
    environment = {
        **os.environ, "TRM_DATABASE_URL": database_url, "TRM_STORAGE_URL": service.storage.url_of(""),
        "TRM_DATA_DIR": str(tmp_path),
    }  # fmt: skip

    def backup(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "services.backup", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    service.database.close()
    made = backup("create")
    path = made.stdout.splitlines()[0]
    assert Path(path).parent == tmp_path / "backups"
    assert "The backup is whole" in backup("verify", path).stdout
    refused = backup("restore", path)
    assert (refused.returncode, "[database_not_empty]" in refused.stderr) == (1, True)
    with service.book.transaction() as session:
        session.execute(update(Job).values(priority=1))
    service.database.close()
    assert "Restored" in backup("restore", path, "--replace").stdout
    with service.book.transaction() as session:
        assert {job.priority for job in session.query(Job)} == {0}
    flip(Path(path) / "tables" / "jobs.copy.gz")
    assert "[backup_damaged]" in backup("verify", path).stderr
