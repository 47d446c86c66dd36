"""What lies in the storage for rows of the database: where, and whether it is what the rows say."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Text, func, literal, select, update
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from services.registry.db.tables import Checkpoint, Dataset, Job


@dataclass(frozen=True)
class Artifact:
    """The folder of one row."""

    id: str
    table: type[Checkpoint] | type[Dataset]
    url: str
    digest: str

    def is_intact(self, folder: Path) -> bool:
        """Whether the folder holds what was recorded."""
        if self.table is Checkpoint:
            return is_checkpoint(folder, self.digest)
        return digest_of(folder) == self.digest


def list_recorded(session: Session) -> list[Artifact]:
    """Every artifact that a row names and may be read: those of retired checkpoints may be gone."""
    kept = select(Checkpoint.id, Checkpoint.url, Checkpoint.digest).where(Checkpoint.retired_at.is_(None))
    uploaded = select(Dataset.id, Dataset.url, Dataset.sha256)
    return [
        Artifact(row_id, table, url, digest)
        for table, statement in ((Checkpoint, kept), (Dataset, uploaded))
        for row_id, url, digest in session.execute(statement)
    ]


def record_move(session: Session, before: str, after: str) -> None:
    """Record that what lay at one URL lies at another now, also in the requests of trainings that read it."""
    for table in (Checkpoint, Dataset):
        session.execute(update(table).where(table.url == before).values(url=after))
    request = func.jsonb_set(Job.request, array(["dataset", "url"]), func.to_jsonb(literal(after, Text)))
    there = Job.request[("dataset", "url")].astext == before
    session.execute(update(Job).where(there).values(request=request).execution_options(synchronize_session=False))


def is_checkpoint(folder: Path, digest: str) -> bool:
    """Whether meta.json is the recorded one and every file is what it vouches for."""
    try:
        meta = (folder / "meta.json").read_bytes()
        if hashlib.sha256(meta).hexdigest() != digest:
            return False
        files = json.loads(meta)["files"]
        return all(file_digest(folder / name) == file["sha256"] for name, file in files.items())
    except OSError:
        return False


def digest_of(folder: Path) -> str:
    """One digest of all files and their names, in order."""
    total = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        total.update(f"{path.name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """The file's sha256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
