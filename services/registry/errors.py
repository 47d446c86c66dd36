"""Every error that the registry raises or records, each with a stable code.

A missing checkpoint is `trm.errors.CheckpointNotFound` here too, and a full disk `trm.errors.StorageFull`.
The message is a sentence for a person. Codes never change once released.
"""

from trm.errors import CodedError


class RegistryError(CodedError):
    """Root of the tree."""


class NotFound(RegistryError):
    """Nothing has this id."""


class JobNotFound(NotFound, code="job_not_found"):
    """No job has this id."""


class RunNotFound(NotFound, code="run_not_found"):
    """No run has this id."""


class SolutionNotFound(NotFound, code="solution_not_found"):
    """The job has no answer, or not yet, to the puzzle of this index."""


class DatasetNotFound(NotFound, code="dataset_not_found"):
    """No uploaded data set has this id or name."""


class ModelNotFound(NotFound, code="model_not_found"):
    """No model has this name."""


class ApiKeyNotFound(NotFound, code="api_key_not_found"):
    """No API key has this id."""


class WebhookNotFound(NotFound, code="webhook_not_found"):
    """No webhook endpoint has this id."""


class Conflict(RegistryError):
    """What is asked contradicts what is recorded."""


class JobFinished(Conflict, code="job_already_finished"):
    """The job has reached its end, which is final."""


class TransitionRefused(Conflict, code="job_move_refused"):
    """The job's state does not allow what is asked; the message names it."""


class KeyTaken(Conflict, code="idempotency_key_in_use"):
    """Another request with this idempotency key was first: what it was answered holds for this one too."""


class JobNotContinuable(Conflict, code="job_not_continuable"):
    """The job is no finished solve, or kept nothing to continue from."""


class CarryExpired(Conflict, code="carry_expired"):
    """What the job kept to continue from has been removed."""


class CheckpointInUse(Conflict, code="checkpoint_in_use"):
    """Something that is kept needs the checkpoint."""


class DatasetNameTaken(Conflict, code="dataset_name_taken"):
    """Another data set has this name."""


class KeyReused(RegistryError, code="idempotency_key_reused"):
    """The idempotency key came before, with another request."""


class QueueFull(RegistryError, code="queue_full"):
    """The limit of queued jobs is reached, for this owner or for all."""


class StaleLease(RegistryError, code="lease_lost"):
    """The writer no longer holds the job: it was rescued, cancelled or finished. Stop at once and write nothing."""


class InvalidCursor(RegistryError, code="cursor_invalid"):
    """The cursor was not made by this list."""


class Unavailable(RegistryError):
    """A dependency of the service does not answer; trying again later may help."""


class DatabaseUnavailable(Unavailable, code="database_unavailable"):
    """The database does not answer, or was interrupted."""


class BrokerUnavailable(Unavailable, code="broker_unavailable"):
    """The broker does not answer."""


class StorageUnavailable(Unavailable, code="storage_unavailable"):
    """The artifact storage cannot be read or written."""


class SchemaMismatch(RegistryError):
    """The database's schema is not the one that this code was written for."""


class SchemaBehind(SchemaMismatch, code="schema_behind"):
    """The database lacks migrations: run `python -m migrations`."""


class SchemaAhead(SchemaMismatch, code="schema_ahead"):
    """The database was migrated by newer code than this."""


class RolesRefused(RegistryError, code="roles_refused"):
    """The database's user may not make the role that dashboards read with."""


class SettingMissing(RegistryError, code="setting_missing"):
    """A setting without a default is needed and not set."""


class SettingsInvalid(RegistryError, code="settings_invalid"):
    """A setting has a value that it cannot have, or a secret file cannot be read."""


class AuthExposed(RegistryError, code="auth_exposed"):
    """Authentication is off where others could reach the service."""


class InternalError(RegistryError, code="internal_error"):
    """An internal error occurred; the log has more."""


class JobExpired(RegistryError, code="job_expired"):
    """No worker claimed the job in time."""


class JobTimedOut(RegistryError, code="job_timed_out"):
    """The job exceeded its timeout."""


class JobQuarantined(RegistryError, code="job_quarantined"):
    """The training process fails at the same step in every attempt."""


class WorkerLost(RegistryError, code="worker_lost"):
    """The worker stopped responding during the last attempt."""


class TrainerDied(RegistryError, code="trainer_died"):
    """The training's process ended without reporting an error."""


class WebhookRefused(RegistryError, code="webhook_refused"):
    """A webhook must not be sent to this address."""


class BackupError(RegistryError):
    """A backup cannot be made or restored."""


class BackupBusy(BackupError, code="backup_busy"):
    """Another backup or a migration is in progress."""


class BackupNotFound(BackupError, code="backup_not_found"):
    """There is no backup in this folder."""


class BackupDamaged(BackupError, code="backup_damaged"):
    """A file of the backup is missing, or is not what was written."""


class DatabaseNotEmpty(BackupError, code="database_not_empty"):
    """There are rows where a backup is to be restored."""


class DatabaseInUse(BackupError, code="database_in_use"):
    """Parts of the service are connected to the database."""
