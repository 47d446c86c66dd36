"""Every problem code: its HTTP status, its title, and what to do about it.

A code with status None never answers a request: it is the `error.code` of a failed job.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One problem code."""

    code: str
    status: int | None
    title: str
    advice: str


_ENTRIES = (
    # The request as such
    Entry("body_malformed", 400, "The body cannot be read", "Send valid JSON, or a valid multipart form for uploads."),
    Entry("route_not_found", 404, "There is no such path", "See /docs for the paths of this service."),
    Entry("method_not_allowed", 405, "The path exists, but not with this method", "Use a method of the Allow header."),
    Entry(
        "body_too_large",
        413,
        "The body is too large",
        "Send less at once, or ask the operator to raise TRM_MAX_BODY_BYTES.",
    ),
    Entry(
        "request_timeout",
        408,
        "The request did not arrive in time",
        "Send it without pauses; a slow connection needs smaller bodies.",
    ),
    Entry("body_too_deep", 400, "The JSON is nested too deeply", "Send it flatter: no request needs such depth."),
    Entry("media_type_unsupported", 415, "The body has the wrong media type", "Send Content-Type: application/json."),
    Entry("request_invalid", 422, "The request is not valid", "Correct the parts that `errors` points at."),
    Entry(
        "cursor_invalid",
        422,
        "The cursor was not issued by this service",
        "Start again without a cursor, with the same filters throughout.",
    ),
    # Who asks
    Entry(
        "unauthenticated",
        401,
        "A valid API key is needed",
        "Send `Authorization: Bearer trm_...`; ask the operator for a key, or for a new one.",
    ),
    Entry(
        "scope_missing", 403, "The API key may not do this", "Use a key with one of the scopes that the detail names."
    ),
    Entry(
        "foreign_page",
        403,
        "Another site's page, or a name that is not this machine's, was used without a key",
        "Ask 127.0.0.1 or localhost, or set TRM_AUTH=on and present a key.",
    ),
    Entry("rate_limited", 429, "Too many requests", "Try again after the time in Retry-After."),
    # What it names
    Entry("job_not_found", 404, "There is no such job", "List the jobs with GET /v1/jobs."),
    Entry("run_not_found", 404, "There is no such run", "List the runs with GET /v1/runs."),
    Entry("checkpoint_not_found", 404, "There is no such checkpoint", "List the checkpoints with GET /v1/checkpoints."),
    Entry("solution_not_found", 404, "There is no such answer", "List the answers with GET /v1/jobs/{id}/solutions."),
    Entry("dataset_not_found", 404, "There is no such data set", "List the data sets with GET /v1/datasets."),
    Entry("api_key_not_found", 404, "There is no such API key", "List the keys with GET /v1/api-keys."),
    Entry("webhook_not_found", 404, "There is no such webhook", "List the webhooks with GET /v1/webhooks."),
    Entry("preset_not_found", 404, "There is no such preset", "List the presets with GET /v1/presets."),
    Entry("model_not_found", 404, "There is no such shipped model", "List the shipped models with GET /v1/models."),
    Entry("problem_not_found", 404, "There is no such problem code", "The reference lists all problem codes."),
    Entry("preset_unknown", 422, "The training names no known preset", "Choose one of GET /v1/presets."),
    Entry(
        "override_invalid",
        422,
        "An override is not valid",
        "See GET /v1/presets/{name} for the settings and their values.",
    ),
    Entry("config_invalid", 422, "The configuration is not valid", "Correct the setting that the detail names."),
    Entry(
        "dataset_unknown",
        422,
        "The training names no known data set",
        "Choose one of GET /v1/datasets, or upload it first.",
    ),
    Entry(
        "model_unknown",
        422,
        "The solve job names no known model",
        "Give the name of a shipped model (GET /v1/models), or the id of a checkpoint or of a run.",
    ),
    Entry(
        "model_not_ready", 409, "The run has no checkpoint yet", "Wait for its first checkpoint, or name a checkpoint."
    ),
    # Puzzles
    Entry("puzzle_invalid", 422, "A puzzle cannot be used", "Correct the puzzle that `errors` points at."),
    Entry(
        "puzzle_wrong_size", 422, "A puzzle has the wrong size", "Send grids of the size that the model was trained on."
    ),
    Entry(
        "puzzle_unknown_symbol",
        422,
        "A puzzle has a symbol outside the vocabulary",
        "Use the symbols that the detail lists.",
    ),
    Entry(
        "puzzle_contradictory",
        422,
        "Two givens of a puzzle contradict each other",
        "Correct one of the two cells named.",
    ),
    Entry("puzzle_unsolvable", 422, "A puzzle has no solution", "Correct its givens."),
    Entry(
        "puzzle_multiple_solutions",
        422,
        "A puzzle has several solutions",
        "Add givens, or leave require_unique_solution out.",
    ),
    Entry(
        "puzzle_too_hard",
        422,
        "The exact solver gave up on a puzzle",
        "Leave require_unique_solution out: whether the solution is unique could not be established.",
    ),
    # Data sets
    Entry(
        "dataset_malformed",
        422,
        "The data file is not valid",
        "Correct the rows that `errors` lists; nothing was stored.",
    ),
    Entry("dataset_name_taken", 409, "A data set has this name already", "Choose another name."),
    # Webhooks
    Entry("webhooks_off", 403, "This service sends no webhooks", "Ask the operator to set TRM_WEBHOOKS=true."),
    Entry(
        "webhook_refused",
        422,
        "Webhooks may not be sent to this address",
        "Give a public address, on one of the ports that the detail names.",
    ),
    Entry("webhooks_too_many", 409, "There are too many webhooks already", "Delete one that is no longer needed."),
    # Jobs
    Entry("job_already_finished", 409, "The job has finished", "Nothing to do: read its result."),
    Entry(
        "job_move_refused",
        409,
        "The job's state does not allow that",
        "The detail names its state; `links` of the job hold what can be asked of it.",
    ),
    Entry(
        "idempotency_key_reused",
        422,
        "The idempotency key was used for another request",
        "Make a new key for every new request.",
    ),
    Entry(
        "idempotency_key_in_use",
        409,
        "The same request is in progress",
        "Send it again to get its answer.",
    ),
    Entry("queue_full", 429, "Too many jobs are queued", "Try again after the time in Retry-After."),
    Entry(
        "job_expired",
        None,
        "No worker claimed the job in time",
        "Retry it, or submit it with a longer ttl_seconds or a higher priority.",
    ),
    Entry(
        "job_timed_out",
        None,
        "The job exceeded its timeout",
        "Retry it: a training continues from its last checkpoint.",
    ),
    Entry(
        "job_quarantined",
        None,
        "The job kills its trainer at the same step every time",
        "Read the last lines in the message; submit it again with a smaller memory demand, or report it.",
    ),
    Entry("lease_lost", None, "Another attempt has taken over the job", "Nothing to do: the newer attempt goes on."),
    Entry(
        "worker_lost",
        None,
        "The worker disappeared on every attempt",
        "Look at the worker's log; submit the job again.",
    ),
    Entry(
        "trainer_died",
        None,
        "The training process died",
        "The message holds its last lines; too little memory is the usual cause.",
    ),
    Entry(
        "rank_failed",
        None,
        "One of the training's processes died",
        "Too little memory is the usual cause; the job is tried again from its newest checkpoint.",
    ),
    Entry(
        "loss_not_finite",
        None,
        "The loss became infinite or not a number",
        "Lower train.learning_rate, or use float32.",
    ),
    Entry(
        "device_unavailable",
        None,
        "The device does not exist or is out of memory",
        "Lower train.batch_size, or check TRM_DEVICE.",
    ),
    Entry(
        "compiler_missing",
        None,
        "The model was to be compiled, and there is no compiler",
        "Install one, or set TRM_COMPILE=auto.",
    ),
    Entry("engine_full", None, "Too many requests are in progress", "Try again in a while."),
    Entry("checkpoint_invalid", None, "The checkpoint cannot be used", "Solve with another checkpoint of the run."),
    Entry("checkpoint_corrupt", None, "The checkpoint is damaged", "Solve with another checkpoint of the run."),
    Entry("checkpoint_foreign", None, "The checkpoint was not written by this software", "Convert it first."),
    Entry(
        "checkpoint_of_another_run",
        None,
        "The folder holds checkpoints of another training",
        "Choose another folder with --out, or name the checkpoint to continue from with --resume.",
    ),
    # The service
    Entry("internal_error", 500, "An internal error occurred", "Try again; if it stays, report the request id."),
    Entry("database_unavailable", 503, "The database does not answer", "Try again after the time in Retry-After."),
    Entry(
        "broker_unavailable",
        503,
        "The message broker does not answer",
        "Jobs are accepted and start when it is back. No request fails because of it; `GET /readyz` reports it.",
    ),
    Entry(
        "storage_unavailable",
        503,
        "The artifact storage does not answer",
        "Nothing was stored. Try again after the time in Retry-After.",
    ),
    Entry(
        "connections_too_many",
        503,
        "Too many connections are open",
        "Close some, or try again after the time in Retry-After.",
    ),
    Entry(
        "overloaded",
        503,
        "The service is overloaded",
        "Try again after the time in Retry-After; send less at once.",
    ),
    Entry("schema_behind", 503, "The database schema is older than the service", "Run the migrations."),
    Entry("schema_ahead", 503, "The database schema is newer than the service", "Upgrade the service."),
    Entry("storage_full", 507, "The storage is full", "Nothing partial was kept. Free some room and try again."),
)

CATALOGUE: dict[str, Entry] = {entry.code: entry for entry in _ENTRIES}

ERRORS_LISTED = 100  # more would bury the reader
RETRY_AFTER_SECONDS = {
    503: 5,  # long enough for a restart
    429: 15,  # some jobs will have begun
}
