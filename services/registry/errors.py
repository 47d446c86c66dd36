"""Every error that the registry raises, each with a stable code.

    RegistryError
    ├── NotFound
    │   ├── JobNotFound          job_not_found
    │   ├── RunNotFound          run_not_found
    │   ├── CheckpointNotFound   checkpoint_not_found
    │   ├── SolutionNotFound     solution_not_found
    │   ├── DatasetNotFound      dataset_not_found
    │   ├── ApiKeyNotFound       api_key_not_found
    │   └── WebhookNotFound      webhook_not_found
    ├── Conflict
    │   ├── JobFinished          job_already_finished
    │   ├── MoveRefused          job_move_refused
    │   ├── KeyTaken             idempotency_key_in_use
    │   └── DatasetNameTaken     dataset_name_taken
    ├── KeyReused                idempotency_key_reused
    ├── QueueFull                queue_full
    ├── StaleLease               lease_lost
    ├── InvalidCursor            cursor_invalid
    ├── Unavailable
    │   ├── DatabaseUnavailable  database_unavailable
    │   ├── BrokerUnavailable    broker_unavailable
    │   └── StorageUnavailable   storage_unavailable
    ├── SchemaMismatch
    │   ├── SchemaBehind         schema_behind
    │   └── SchemaAhead          schema_ahead
    ├── SettingMissing           setting_missing
    └── AuthExposed              auth_exposed

A full disk is `trm.errors.StorageFull` here too. The message is a sentence for a person.
Codes never change once released.
"""

from typing import ClassVar


class RegistryError(Exception):
    """Root of the tree; `code` is what programs should look at."""

    code: ClassVar[str] = "registry_error"


class NotFound(RegistryError):
    """Nothing has this id."""

    code = "not_found"


class JobNotFound(NotFound):
    """No job has this id."""

    code = "job_not_found"


class RunNotFound(NotFound):
    """No run has this id."""

    code = "run_not_found"


class CheckpointNotFound(NotFound):
    """No checkpoint has this id."""

    code = "checkpoint_not_found"


class SolutionNotFound(NotFound):
    """The job has no answer, or not yet, to the puzzle of this index."""

    code = "solution_not_found"


class DatasetNotFound(NotFound):
    """No uploaded data set has this id or name."""

    code = "dataset_not_found"


class ApiKeyNotFound(NotFound):
    """No API key has this id."""

    code = "api_key_not_found"


class WebhookNotFound(NotFound):
    """No webhook endpoint has this id."""

    code = "webhook_not_found"


class Conflict(RegistryError):
    """What is asked contradicts what is recorded."""

    code = "conflict"


class JobFinished(Conflict):
    """The job has reached its end, which is final."""

    code = "job_already_finished"


class TransitionRefused(Conflict):
    """The job's state does not allow what is asked; the message names it."""

    code = "job_move_refused"


class KeyTaken(Conflict):
    """Another request with this idempotency key was first: what it was answered holds for this one too."""

    code = "idempotency_key_in_use"


class DatasetNameTaken(Conflict):
    """Another data set has this name."""

    code = "dataset_name_taken"


class KeyReused(RegistryError):
    """The idempotency key came before, with another request."""

    code = "idempotency_key_reused"


class QueueFull(RegistryError):
    """As many jobs are queued as this service takes, from this owner or from all."""

    code = "queue_full"


class StaleLease(RegistryError):
    """The writer no longer holds the job: it was rescued, cancelled or finished. Stop at once and write nothing."""

    code = "lease_lost"


class InvalidCursor(RegistryError):
    """The cursor was not made by this list."""

    code = "cursor_invalid"


class Unavailable(RegistryError):
    """A dependency of the service does not answer; trying again later may help."""

    code = "unavailable"


class DatabaseUnavailable(Unavailable):
    """The database does not answer, or was interrupted."""

    code = "database_unavailable"


class BrokerUnavailable(Unavailable):
    """The broker does not answer."""

    code = "broker_unavailable"


class StorageUnavailable(Unavailable):
    """The artifact storage cannot be read or written."""

    code = "storage_unavailable"


class SchemaMismatch(RegistryError):
    """The database's schema is not the one that this code was written for."""

    code = "schema_mismatch"


class SchemaBehind(SchemaMismatch):
    """The database lacks migrations: run `python -m migrations`."""

    code = "schema_behind"


class SchemaAhead(SchemaMismatch):
    """The database was migrated by newer code than this."""

    code = "schema_ahead"


class SettingMissing(RegistryError):
    """A setting without a default is needed and not set."""

    code = "setting_missing"


class AuthExposed(RegistryError):
    """Authentication is off where others could reach the service."""

    code = "auth_exposed"
