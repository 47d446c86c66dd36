"""What a backup says about itself, and how it is known to be whole.

trm-20261125T144122.123456Z/
  manifest.json             schema, tables, artifacts, counts
  tables/<table>.copy.gz    the rows, as Postgres' COPY writes them
  artifacts/<id>/           the files of a checkpoint or data set
  SHA256SUMS                of all files above, written last; `sha256sum -c SHA256SUMS` checks them too
"""

from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from migrations.upgrade import script_directory
from services.registry.errors import BackupDamaged, BackupNotFound, SchemaAhead
from trm import durable

FORMAT = "trm-backup/1"
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TableDump(_Part):
    """The rows of one table."""

    columns: list[str]
    rows: int


class ArtifactCopy(_Part):
    """The files of one checkpoint or data set."""

    url: str  # where they lay
    state: Literal["intact", "damaged", "missing"]  # as they were found; damaged ones are kept as they are


class Manifest(_Part):
    """The contents of manifest.json."""

    format: str = FORMAT
    service_version: str = version("trm-service")
    created_at: datetime
    schema_revision: str
    storage: str  # URL of the storage that the artifacts' URLs begin with
    tables: dict[str, TableDump]
    artifacts: dict[str, ArtifactCopy]  # by the id of the row
    files: int  # in the list of digests, beside this one
    bytes: int  # of them

    @property
    def rows(self) -> int:
        """Number of rows in all tables."""
        return sum(table.rows for table in self.tables.values())

    def not_intact(self) -> list[str]:
        """The artifacts that were damaged or missing before they were backed up."""
        return [f"{name} ({copy.state})" for name, copy in self.artifacts.items() if copy.state != "intact"]


def table_file(backup: Path, table: str) -> Path:
    """Path of the file with the rows of a table."""
    return backup / "tables" / f"{table}.copy.gz"


def artifact_folder(backup: Path, artifact_id: str) -> Path:
    """Path of the folder with the files of an artifact."""
    return backup / "artifacts" / artifact_id


def write_sums(backup: Path, digests: dict[str, str]) -> None:
    """Write the list of digests, by relative path."""
    (backup / SUMS).write_text("".join(f"{digest}  {name}\n" for name, digest in digests.items()))


def verify(backup: Path) -> Manifest:
    """What the backup says about itself, once every file has been found to be what was written.

    Raises BackupNotFound, BackupDamaged or, for one that this code is too old for, SchemaAhead.
    """
    if not (backup / MANIFEST).is_file():
        raise BackupNotFound(f"There is no backup in {backup}. Name a folder that `create` has made.")
    digests = read_sums(backup)
    for name, digest in digests.items():
        _require(backup / name, digest)
    manifest = _read(backup)
    named = {f"tables/{table}.copy.gz" for table in manifest.tables}
    if len(digests) != manifest.files + 1 or not named <= digests.keys():
        raise BackupDamaged(f"{backup / SUMS} does not list all files of the backup. Use another backup.")
    return manifest


def read_sums(backup: Path) -> dict[str, str]:
    """The list of digests, by relative path; raises BackupDamaged."""
    try:
        lines = (backup / SUMS).read_bytes().decode().removesuffix("\n").split("\n")  # other breaks of lines are damage
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise BackupDamaged(f"{backup / SUMS} cannot be read. Use another backup.") from error
    digests = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    if MANIFEST not in digests:
        raise BackupDamaged(f"{backup / SUMS} does not list {MANIFEST}. Use another backup.")
    return digests


def _require(path: Path, digest: str) -> None:
    if not path.is_file():
        raise BackupDamaged(f"{path} is missing. Copy the backup again, or use another one.")
    if durable.digest(path) != digest:
        raise BackupDamaged(f"{path} is not the file that was written. Copy the backup again, or use another one.")


def _read(backup: Path) -> Manifest:
    """Parse the verified manifest; what does not fit was written by other code."""
    try:
        manifest = Manifest.model_validate_json((backup / MANIFEST).read_bytes())
    except ValidationError as error:
        raise _make_ahead(backup, "a manifest") from error
    known = {script.revision for script in script_directory().walk_revisions()}
    if manifest.format != FORMAT or manifest.schema_revision not in known:
        raise _make_ahead(backup, f"the format {manifest.format} and the schema {manifest.schema_revision}")
    return manifest


def _make_ahead(backup: Path, what: str) -> SchemaAhead:
    return SchemaAhead(
        f"{backup} has {what} that this code does not know. Restore it with the code that made it, or newer."
    )
