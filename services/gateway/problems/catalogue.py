"""The registry of problem codes: the class of each, its HTTP status, its title, and what to do about it.

The code itself is said once, by its class. The reference, the OpenAPI document and every response are made from here.
"""

from dataclasses import dataclass

from services.gateway.problems import errors as gateway
from services.registry import errors as registry
from trm import errors as library
from trm.client import errors as client
from trm.errors import CodedError


@dataclass(frozen=True)
class Entry:
    """One problem code."""

    error: type[CodedError]
    status: int | None  # of HTTP; None where no request is answered with it
    title: str
    advice: str

    @property
    def code(self) -> str:
        """What programs know it by."""
        return self.error.code


# fmt: off
ANSWERS = (
    # The request as such
    Entry(gateway.BodyMalformed, 400, "The body cannot be read", "Send valid JSON, or a valid multipart form for uploads."),
    Entry(gateway.RouteNotFound, 404, "There is no such path", "See /docs for the paths of this service."),
    Entry(gateway.MethodNotAllowed, 405, "The path exists, but not with this method", "Use a method of the Allow header."),
    Entry(gateway.BodyTooLarge, 413, "The body is too large", "Send less at once, or ask the operator to raise TRM_MAX_BODY_BYTES."),
    Entry(gateway.RequestTimeout, 408, "The request did not arrive in time",
          "Send it without pauses; a slow connection needs smaller bodies."),
    Entry(gateway.BodyTooDeep, 400, "The JSON is nested too deeply", "Send it flatter: no request needs such depth."),
    Entry(gateway.MediaTypeUnsupported, 415, "The body has the wrong media type", "Send Content-Type: application/json."),
    Entry(gateway.RequestInvalid, 422, "The request is not valid", "Correct the parts that `errors` points at."),
    Entry(registry.InvalidCursor, 422, "The cursor was not issued by this service",
          "Start again without a cursor, with the same filters throughout."),
    # Who asks
    Entry(gateway.Unauthenticated, 401, "A valid API key is needed",
          "Send `Authorization: Bearer trm_...`; ask the operator for a key, or for a new one."),
    Entry(gateway.ScopeMissing, 403, "The API key may not do this", "Use a key with one of the scopes that the detail names."),
    Entry(gateway.ForeignPage, 403, "The request came from another site's page, or to another host name, without a key",
          "Use 127.0.0.1 or localhost, or set TRM_AUTH=on and present a key."),
    Entry(gateway.RateLimited, 429, "Too many requests", "Try again after the time in Retry-After."),
    # What it names
    Entry(registry.JobNotFound, 404, "There is no such job", "List the jobs with GET /v1/jobs."),
    Entry(registry.RunNotFound, 404, "There is no such run", "List the runs with GET /v1/runs."),
    Entry(library.CheckpointNotFound, 404, "There is no such checkpoint", "List the checkpoints with GET /v1/checkpoints."),
    Entry(gateway.CheckpointFileNotFound, 404, "The checkpoint has no such file", "List its files with GET /v1/checkpoints/{id}/files."),
    Entry(registry.SolutionNotFound, 404, "There is no such answer", "List the answers with GET /v1/jobs/{id}/solutions."),
    Entry(registry.DatasetNotFound, 404, "There is no such data set", "List the data sets with GET /v1/datasets."),
    Entry(registry.ApiKeyNotFound, 404, "There is no such API key", "List the keys with GET /v1/api-keys."),
    Entry(registry.WebhookNotFound, 404, "There is no such webhook", "List the webhooks with GET /v1/webhooks."),
    Entry(gateway.PresetNotFound, 404, "There is no such preset", "List the presets with GET /v1/presets."),
    Entry(registry.ModelNotFound, 404, "There is no such model", "List the models with GET /v1/models."),
    Entry(gateway.ProblemNotFound, 404, "There is no such problem code", "The reference lists all problem codes."),
    Entry(library.UnknownPreset, 422, "The training names no known preset", "Choose one of GET /v1/presets."),
    Entry(library.InvalidOverride, 422, "An override is not valid", "See GET /v1/presets/{name} for the settings and their values."),
    Entry(library.ConfigError, 422, "The configuration is not valid", "Correct the setting that the detail names."),
    Entry(library.UnknownDataset, 422, "The training names no known data set", "Choose one of GET /v1/datasets, or upload it first."),
    Entry(library.UnknownModel, 422, "The solve job names no known model",
          "Give the name of a shipped model (GET /v1/models), or the id of a checkpoint or of a run."),
    Entry(gateway.ModelNotReady, 409, "The run has no checkpoint yet", "Wait for its first checkpoint, or name a checkpoint."),
    # Puzzles
    Entry(library.PuzzleError, 422, "A puzzle cannot be used", "Correct the puzzle that `errors` points at."),
    Entry(library.WrongGridSize, 422, "A puzzle has the wrong size", "Send grids of the size that the model was trained on."),
    Entry(library.UnknownSymbol, 422, "A puzzle has a symbol outside the vocabulary", "Use the symbols that the detail lists."),
    Entry(library.ContradictoryGivens, 422, "Two givens of a puzzle contradict each other", "Correct one of the two cells named."),
    Entry(library.UnsolvablePuzzle, 422, "A puzzle has no solution", "Correct its givens."),
    Entry(library.MultipleSolutions, 422, "A puzzle has several solutions", "Add givens, or leave require_unique_solution out."),
    Entry(library.PuzzleTooHard, 422, "The exact solver exceeded its budget on a puzzle",
          "Leave require_unique_solution out: whether the solution is unique could not be established."),
    # Data sets
    Entry(library.DatasetError, 422, "The data file is not valid", "Correct the rows that `errors` lists; nothing was stored."),
    Entry(registry.DatasetNameTaken, 409, "A data set has this name already", "Choose another name."),
    # Checkpoints
    Entry(gateway.ModelNameTaken, 409, "A shipped model has this name", "Choose another name."),
    Entry(registry.CheckpointInUse, 409, "The checkpoint is in use",
          "Delete what uses it first, or wait until the jobs that used it are removed."),
    Entry(gateway.UploadRefused, 422, "The uploaded model cannot be used",
          "Send the tar of a folder that `trm export` has written, or of GET /v1/checkpoints/{id}/archive, unchanged."),
    Entry(gateway.RangeNotSatisfiable, 416, "There is no such part of the file", "Ask for a range within its size."),
    # Webhooks
    Entry(gateway.WebhooksOff, 403, "This service sends no webhooks", "Ask the operator to set TRM_WEBHOOKS=true."),
    Entry(registry.WebhookRefused, 422, "Webhooks may not be sent to this address",
          "Give a public address, on one of the ports that the detail names."),
    Entry(gateway.WebhooksTooMany, 409, "There are too many webhooks already", "Delete one that is no longer needed."),
    # Jobs
    Entry(registry.JobFinished, 409, "The job has finished", "No action is needed: read its result."),
    Entry(registry.TransitionRefused, 409, "The job's state does not allow that",
          "The detail names its state; `links` of the job list the possible actions."),
    Entry(registry.JobNotContinuable, 409, "The job cannot be continued",
          "Continue a solve job that was submitted with `keep_carry` and has succeeded."),
    Entry(registry.CarryExpired, 410, "What the job kept to continue from has been removed",
          "Submit its puzzles again with all the steps; operators keep more by TRM_KEEP_CARRIES_HOURS."),
    Entry(gateway.ModelChanged, 409, "The job's model is another one since", "Submit its puzzles again, with the model that ships now."),
    Entry(registry.KeyReused, 422, "The idempotency key was used for another request", "Make a new key for every new request."),
    Entry(registry.KeyTaken, 409, "The same request is in progress", "Send it again to get its answer."),
    Entry(registry.QueueFull, 429, "Too many jobs are queued", "Try again after the time in Retry-After."),
    # The service
    Entry(registry.InternalError, 500, "An internal error occurred", "Try again; if it persists, report the request id."),
    Entry(registry.DatabaseUnavailable, 503, "The database does not answer", "Try again after the time in Retry-After."),
    Entry(registry.BrokerUnavailable, 503, "The message broker does not answer",
          "Jobs are accepted and start when it is back. No request fails because of it; `GET /readyz` reports it."),
    Entry(registry.StorageUnavailable, 503, "The artifact storage does not answer",
          "Nothing was stored. Try again after the time in Retry-After."),
    Entry(gateway.ConnectionsTooMany, 503, "Too many connections are open", "Close some, or try again after the time in Retry-After."),
    Entry(gateway.Overloaded, 503, "The service is overloaded", "Try again after the time in Retry-After; send less at once."),
    Entry(registry.SchemaBehind, 503, "The database schema is older than the service", "Run the migrations."),
    Entry(registry.SchemaAhead, 503, "The database schema is newer than the service", "Upgrade the service."),
    Entry(library.StorageFull, 507, "The storage is full", "Nothing partial was kept. Free some space and try again."),
)
OUTCOMES = (  # the `error.code` of a failed job
    Entry(registry.JobExpired, None, "No worker claimed the job in time",
          "Retry it, or submit it with a longer ttl_seconds or a higher priority."),
    Entry(registry.JobTimedOut, None, "The job exceeded its timeout", "Retry it: a training continues from its last checkpoint."),
    Entry(registry.JobQuarantined, None, "The training process fails at the same step in every attempt",
          "Read the last lines in the message; submit it again with a smaller memory demand, or report it."),
    Entry(registry.StaleLease, None, "Another attempt has taken over the job", "No action is needed: the newer attempt continues."),
    Entry(registry.WorkerLost, None, "The worker disappeared on every attempt", "Check the worker's log; submit the job again."),
    Entry(registry.TrainerDied, None, "The training process was killed or crashed",
          "The message holds its last lines; too little memory is the usual cause."),
    Entry(library.RankFailed, None, "One of the training's processes was killed or crashed",
          "Too little memory is the usual cause; the job is tried again from its newest checkpoint."),
    Entry(library.NonFiniteLoss, None, "The loss became infinite or not a number", "Lower train.learning_rate, or use float32."),
    Entry(library.DeviceUnavailable, None, "The device does not exist or is out of memory", "Lower train.batch_size, or check TRM_DEVICE."),
    Entry(library.CompilerMissing, None, "The model was to be compiled, and there is no compiler", "Install one, or set TRM_COMPILE=auto."),
    Entry(library.EngineFull, None, "Too many requests are in progress", "Try again later."),
    Entry(library.CarryInvalid, None, "The carry of the solve cannot be used", "Submit its puzzles again, with all the steps."),
    Entry(library.CheckpointError, None, "The checkpoint cannot be used", "Solve with another checkpoint of the run."),
    Entry(library.CorruptCheckpoint, None, "The checkpoint is damaged", "Solve with another checkpoint of the run."),
    Entry(library.ForeignCheckpoint, None, "The checkpoint was not written by this software", "Convert it first."),
)
COMMANDS = (  # what commands end with, and processes that cannot start
    Entry(library.SeveralRuns, None, "The folder holds checkpoints of another training",
          "Choose another folder with --out, or name the checkpoint to continue from with --resume."),
    Entry(library.PackageMissing, None, "A package is missing that is installed only on request",
          "Install the extra that the message names."),
    Entry(library.FileUnusable, None, "A file or folder of this machine cannot be read or written",
          "See that it is there and that you may use it, or name another."),
    Entry(library.ExportFailed, None, "A run could not be exported", "The message says whether the service or MLflow refused it, and why."),
    Entry(library.NoService, None, "A command does not know which service to speak to",
          "Start one with `trm up`, or name one: `trm login`, --url or TRM_URL."),
    Entry(library.ProfileError, None, "There is no such profile, or the file of profiles cannot be read",
          "Make the profile with `trm login --profile NAME`."),
    Entry(registry.SettingMissing, None, "A setting without a default is needed", "Set the environment variable that the message names."),
    Entry(registry.SettingsInvalid, None, "A setting has a value that it cannot have, or a secret file cannot be read",
          "Correct what the message names; .env.example explains each setting."),
    Entry(registry.RolesRefused, None, "The database's user may not make the role that dashboards read with",
          "Let it create roles, or make the role trm_reader with that password yourself and unset TRM_READER_PASSWORD."),
    Entry(registry.AuthExposed, None, "Authentication is off where others could reach the service",
          "Set TRM_AUTH=on, or TRM_AUTH_OFF_EXPOSED=true where the network keeps other clients out."),
    Entry(registry.BackupNotFound, None, "The folder is no backup", "Name a folder `trm-...` that a backup has made."),
    Entry(registry.BackupDamaged, None, "A file of the backup is missing, or is not what was written",
          "Copy the backup again, or use an older one."),
    Entry(registry.BackupBusy, None, "Another backup, a migration or a deletion is in progress", "Try again."),
    Entry(registry.DatabaseNotEmpty, None, "There are rows where a backup is to be restored", "Use an empty database, or `--replace`."),
    Entry(registry.DatabaseInUse, None, "Parts of the service are connected to the database", "Stop them, and try again."),
    Entry(client.ServiceUnreachable, None, "The service gave no answer", "Start it, or name its address: TRM_URL."),
    Entry(client.UnexpectedAnswer, None, "What answers is not this service", "Check the address, and the proxies on the way."),
    Entry(client.WaitTimedOut, None, "The job has not ended in time", "It continues: wait again, or cancel it."),
    Entry(client.JobUnsuccessful, None, "The job has failed or was cancelled",
          "The message has the reason; correct it, and retry the job or submit another one."),
)
# fmt: on
CATALOGUE: dict[str, Entry] = {entry.code: entry for entry in (*ANSWERS, *OUTCOMES, *COMMANDS)}

ERRORS_LISTED = 100  # more would bury the reader
RETRY_AFTER_SECONDS = {
    503: 5,  # long enough for a restart
    429: 15,  # some jobs will have begun
}
