"""Makes a backup: rows as of one moment, then the files that those rows name, all of it or nothing."""

import gzip
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from services.backup.manifest import (
    MANIFEST,
    ArtifactCopy,
    Manifest,
    TableDump,
    artifact_folder,
    table_file,
    write_sums,
)
from services.registry.db import dump
from services.registry.db.database import Database, current_revision, require_head
from services.registry.db.locks import Lock, held
from services.registry.errors import BackupBusy
from services.registry.storage import artifacts
from services.registry.storage.artifacts import Artifact
from services.registry.storage.storage import Storage, beside, files_of, typed_errors
from trm.durable import digest, sync

PATIENCE = 60.0  # seconds for a migration or a deletion to end
SPEED_OVER_SIZE = 1  # of gzip


@dataclass(frozen=True)
class Backup:
    """A backup that was made."""

    path: Path
    manifest: Manifest


def create(database: Database, storage: Storage, folder: Path) -> Backup:
    """Make a backup in a new folder below `folder`, named after the time; the service may run.

    Meanwhile no artifact is deleted. Raises BackupBusy, SchemaMismatch, Unavailable or StorageFull, and then nothing is left.
    """
    now = datetime.now(UTC)
    target = folder / f"trm-{now:%Y%m%dT%H%M%S.%fZ}"
    with typed_errors(f"The backup cannot be written to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(database, Lock.DELETION), beside(target) as draft:
            draft.chmod(0o700)  # it holds everything that the database does
            with _alone(database, Lock.SCHEMA):
                revision = current_revision(database)
                require_head(database)
                tables, named = _dump(database, draft)
            copies = {artifact.id: _copy(storage, artifact, artifact_folder(draft, artifact.id)) for artifact in named}
            digests = {name.as_posix(): digest(draft / name) for name in files_of(draft)}
            manifest = Manifest(
                created_at=now,
                schema_revision=str(revision),
                storage=storage.url_of(""),
                tables=tables,
                artifacts=copies,
                files=len(digests),
                bytes=sum((draft / name).stat().st_size for name in digests),
            )
            (draft / MANIFEST).write_text(manifest.model_dump_json(indent=1))
            write_sums(draft, digests | {MANIFEST: digest(draft / MANIFEST)})
            _sync(draft)
        sync(folder)
    return Backup(target, manifest)


@contextmanager
def _alone(database: Database, lock: Lock) -> Iterator[None]:
    with held(database, lock, PATIENCE) as taken:
        if not taken:
            raise BackupBusy("Another backup or a migration is under way. Try again when it has ended.")
        yield


def _dump(database: Database, draft: Path) -> tuple[dict[str, TableDump], list[Artifact]]:
    """All rows, and the artifacts that they name."""
    (draft / "tables").mkdir()
    tables = {}
    with database.snapshot() as session:
        for name, columns in dump.columns(session).items():
            with gzip.open(table_file(draft, name), "wb", compresslevel=SPEED_OVER_SIZE) as file:
                tables[name] = TableDump(columns=columns, rows=dump.copy_out(session, name, columns, file))
        return tables, artifacts.list_recorded(session)


def _copy(storage: Storage, artifact: Artifact, target: Path) -> ArtifactCopy:
    """Copies, not links: a file that is damaged in the storage later shall not be damaged here."""
    if not storage.exists(artifact.url):
        return ArtifactCopy(url=artifact.url, state="missing")
    source = storage.fetch_folder(artifact.url, target)
    if source != target:
        shutil.copytree(source, target)
    return ArtifactCopy(url=artifact.url, state="intact" if artifact.is_intact(target) else "damaged")


def _sync(draft: Path) -> None:
    """Flush the backup to disk."""
    for name in files_of(draft):
        sync(draft / name)
    for folder in (*(path for path in draft.rglob("*") if path.is_dir()), draft):
        sync(folder)
