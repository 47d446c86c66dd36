"""Restores a backup: files first, then all rows in one transaction, so that it succeeds completely or changes nothing."""

import gzip
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from migrations.upgrade import upgrade_within
from services.backup.manifest import ArtifactCopy, Manifest, artifact_folder, read_sums, table_file, verify
from services.registry.db import dump
from services.registry.db.database import Database
from services.registry.db.locks import Lock, take
from services.registry.errors import DatabaseInUse, DatabaseNotEmpty
from services.registry.jobs import rescue
from services.registry.storage import artifacts
from services.registry.storage.storage import Storage, files_of
from trm.durable import digest


@dataclass(frozen=True)
class Restored:
    """Result of a restore."""

    manifest: Manifest
    requeued: int  # jobs that were running when the backup was made


def restore(database: Database, storage: Storage, backup: Path, *, replace: bool = False) -> Restored:
    """Fill the database and the storage from a backup, at the newest schema; `replace` discards what the database holds.

    Jobs that were running are queued again, and all that wait are announced again. Raises BackupError, SchemaAhead,
    Unavailable or StorageFull, and then the database is as it was.
    """
    manifest = verify(backup)
    with database.unhurried() as session:
        _require_free(session, replace=replace)
    with _store_artifacts(storage, backup, manifest) as urls, database.unhurried() as session:
        take(session, Lock.SCHEMA)
        _require_free(session, replace=replace)
        _load(session, backup, manifest)
        for before, after in urls.items():
            artifacts.record_move(session, before, after)
        return Restored(manifest, rescue.release_all(session))


def _require_free(session: Session, *, replace: bool) -> None:
    if others := dump.others(session):
        raise DatabaseInUse(f"The service is connected to the database ({others} times). Stop it first.")
    if not replace and dump.has_rows(session):
        raise DatabaseNotEmpty("The database has rows. Give an empty one, or --replace to discard what it holds.")


def _load(session: Session, backup: Path, manifest: Manifest) -> None:
    """The schema that the rows were dumped from, the rows, and the migrations that came since."""
    dump.drop_tables(session)
    upgrade_within(session.connection(), manifest.schema_revision)
    with dump.without_foreign_keys(session):
        for name, table in manifest.tables.items():
            with gzip.open(table_file(backup, name)) as file:
                dump.copy_in(session, name, table.columns, file)
    dump.advance_sequences(session)
    upgrade_within(session.connection(), "head")


@contextmanager
def _store_artifacts(storage: Storage, backup: Path, manifest: Manifest) -> Iterator[dict[str, str]]:
    """Store the artifacts; yields their new URLs by their old ones, and removes them again when the block raises."""
    digests, added, moved = read_sums(backup), list[str](), dict[str, str]()
    try:
        for name, copy in manifest.artifacts.items():
            place = _place(copy, manifest.storage, name)
            url = storage.url_of(place)
            folder = artifact_folder(backup, name)
            if copy.state != "missing" and not _holds(storage, url, folder, digests):
                storage.delete_folder(url)  # it is damaged, or not there
                added.append(url)
                storage.put_folder(folder, place)
            if url != copy.url:
                moved[copy.url] = url
        yield moved
    except BaseException:
        for url in added:
            storage.delete_folder(url)
        raise


def _place(copy: ArtifactCopy, storage: str, name: str) -> str:
    """The folder's name below the root of a storage: as it was, where it lay below the root."""
    root = f"{storage}/"
    return copy.url.removeprefix(root) if copy.url.startswith(root) else f"restored/{name}"


def _holds(storage: Storage, url: str, folder: Path, digests: dict[str, str]) -> bool:
    """Whether the storage has these very files already."""
    if not storage.exists(url):
        return False
    files = files_of(folder)
    with tempfile.TemporaryDirectory(prefix="trm-restore-") as scratch:
        there = storage.fetch_folder(url, Path(scratch, "there"))
        if sorted(files_of(there)) != sorted(files):
            return False
        prefix = f"artifacts/{folder.name}"
        return all(digest(there / file) == digests[f"{prefix}/{file.as_posix()}"] for file in files)
