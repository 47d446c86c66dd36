"""Why a backup cannot be made or restored, each with a stable code.

    BackupError
    ├── BackupBusy         backup_busy
    ├── BackupNotFound     backup_not_found
    ├── BackupDamaged      backup_damaged
    ├── DatabaseNotEmpty   database_not_empty
    └── DatabaseInUse      database_in_use

What the database and the storage raise is in `services.registry.errors`; a backup of a newer schema is SchemaAhead.
"""

from typing import ClassVar


class BackupError(Exception):
    """Root of the tree."""

    code: ClassVar[str] = "backup_error"


class BackupBusy(BackupError):
    """Another backup or a migration is under way."""

    code = "backup_busy"


class BackupNotFound(BackupError):
    """There is no backup in this folder."""

    code = "backup_not_found"


class BackupDamaged(BackupError):
    """A file of the backup is missing, or is not what was written."""

    code = "backup_damaged"


class DatabaseNotEmpty(BackupError):
    """There are rows where a backup is to be restored."""

    code = "database_not_empty"


class DatabaseInUse(BackupError):
    """Parts of the service are connected to the database."""

    code = "database_in_use"
