"""What the HTTP API offers and answers, as types: written by `make openapi` from docs/openapi.json, not by hand."""

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, Required, TypedDict

from pydantic import Field

from trm.client.record import NEWER_TOO, Record


class Operation(NamedTuple):
    """How an operation is asked for."""

    method: str
    path: str  # with the names of its parameters in braces
    takes_key: bool  # whether an Idempotency-Key makes it safe to repeat


OperationId = Literal[
    "getIndex",
    "createTrainingJob",
    "createSolveJob",
    "continueSolveJob",
    "createEvaluationJob",
    "listJobs",
    "getJob",
    "cancelJob",
    "pauseJob",
    "resumeJob",
    "retryJob",
    "listJobAttempts",
    "listSolutions",
    "getSolutionPicture",
    "listJobLines",
    "streamJobEvents",
    "getQueue",
    "listWorkers",
    "listRuns",
    "getRun",
    "listRunMetrics",
    "listRunEvaluations",
    "listRunCheckpoints",
    "listCheckpoints",
    "createCheckpoint",
    "getCheckpoint",
    "deleteCheckpoint",
    "listCheckpointFiles",
    "downloadCheckpointFile",
    "downloadCheckpoint",
    "listModels",
    "promoteCheckpoint",
    "getModel",
    "deleteModel",
    "listModelVersions",
    "listDatasets",
    "createDataset",
    "getDataset",
    "listDatasetPuzzles",
    "listDatasetTasks",
    "listPresets",
    "getPreset",
    "createWebhook",
    "listWebhooks",
    "getWebhook",
    "deleteWebhook",
    "listWebhookDeliveries",
    "createApiKey",
    "listApiKeys",
    "getApiKey",
    "revokeApiKey",
    "listAuditRecords",
    "getProblem",
    "getLiveness",
    "getReadiness",
    "getMetrics",
    "listMetricsTargets",
]

OPERATIONS: dict[OperationId, Operation] = {
    "getIndex": Operation("GET", "/", False),
    "createTrainingJob": Operation("POST", "/v1/training-jobs", True),
    "createSolveJob": Operation("POST", "/v1/solve-jobs", True),
    "continueSolveJob": Operation("POST", "/v1/solve-jobs/{job_id}/continue", True),
    "createEvaluationJob": Operation("POST", "/v1/evaluation-jobs", True),
    "listJobs": Operation("GET", "/v1/jobs", False),
    "getJob": Operation("GET", "/v1/jobs/{job_id}", False),
    "cancelJob": Operation("POST", "/v1/jobs/{job_id}/cancel", False),
    "pauseJob": Operation("POST", "/v1/jobs/{job_id}/pause", False),
    "resumeJob": Operation("POST", "/v1/jobs/{job_id}/resume", True),
    "retryJob": Operation("POST", "/v1/jobs/{job_id}/retry", True),
    "listJobAttempts": Operation("GET", "/v1/jobs/{job_id}/attempts", False),
    "listSolutions": Operation("GET", "/v1/jobs/{job_id}/solutions", False),
    "getSolutionPicture": Operation("GET", "/v1/jobs/{job_id}/solutions/{index}/picture", False),
    "listJobLines": Operation("GET", "/v1/jobs/{job_id}/logs", False),
    "streamJobEvents": Operation("GET", "/v1/jobs/{job_id}/events", False),
    "getQueue": Operation("GET", "/v1/queue", False),
    "listWorkers": Operation("GET", "/v1/workers", False),
    "listRuns": Operation("GET", "/v1/runs", False),
    "getRun": Operation("GET", "/v1/runs/{run_id}", False),
    "listRunMetrics": Operation("GET", "/v1/runs/{run_id}/metrics", False),
    "listRunEvaluations": Operation("GET", "/v1/runs/{run_id}/evaluations", False),
    "listRunCheckpoints": Operation("GET", "/v1/runs/{run_id}/checkpoints", False),
    "listCheckpoints": Operation("GET", "/v1/checkpoints", False),
    "createCheckpoint": Operation("POST", "/v1/checkpoints", True),
    "getCheckpoint": Operation("GET", "/v1/checkpoints/{checkpoint_id}", False),
    "deleteCheckpoint": Operation("DELETE", "/v1/checkpoints/{checkpoint_id}", False),
    "listCheckpointFiles": Operation("GET", "/v1/checkpoints/{checkpoint_id}/files", False),
    "downloadCheckpointFile": Operation("GET", "/v1/checkpoints/{checkpoint_id}/files/{file}", False),
    "downloadCheckpoint": Operation("GET", "/v1/checkpoints/{checkpoint_id}/archive", False),
    "listModels": Operation("GET", "/v1/models", False),
    "promoteCheckpoint": Operation("POST", "/v1/models", False),
    "getModel": Operation("GET", "/v1/models/{name}", False),
    "deleteModel": Operation("DELETE", "/v1/models/{name}", False),
    "listModelVersions": Operation("GET", "/v1/models/{name}/versions", False),
    "listDatasets": Operation("GET", "/v1/datasets", False),
    "createDataset": Operation("POST", "/v1/datasets", True),
    "getDataset": Operation("GET", "/v1/datasets/{id_or_name}", False),
    "listDatasetPuzzles": Operation("GET", "/v1/datasets/{id_or_name}/puzzles", False),
    "listDatasetTasks": Operation("GET", "/v1/datasets/{id_or_name}/tasks", False),
    "listPresets": Operation("GET", "/v1/presets", False),
    "getPreset": Operation("GET", "/v1/presets/{name}", False),
    "createWebhook": Operation("POST", "/v1/webhooks", False),
    "listWebhooks": Operation("GET", "/v1/webhooks", False),
    "getWebhook": Operation("GET", "/v1/webhooks/{webhook_id}", False),
    "deleteWebhook": Operation("DELETE", "/v1/webhooks/{webhook_id}", False),
    "listWebhookDeliveries": Operation("GET", "/v1/webhooks/{webhook_id}/deliveries", False),
    "createApiKey": Operation("POST", "/v1/api-keys", False),
    "listApiKeys": Operation("GET", "/v1/api-keys", False),
    "getApiKey": Operation("GET", "/v1/api-keys/{key_id}", False),
    "revokeApiKey": Operation("DELETE", "/v1/api-keys/{key_id}", False),
    "listAuditRecords": Operation("GET", "/v1/audit", False),
    "getProblem": Operation("GET", "/v1/problems/{code}", False),
    "getLiveness": Operation("GET", "/livez", False),
    "getReadiness": Operation("GET", "/readyz", False),
    "getMetrics": Operation("GET", "/metrics", False),
    "listMetricsTargets": Operation("GET", "/metrics/targets", False),
}


class Requirements(Record):
    """Which workers may take a job: those that offer all of this."""

    device: Annotated[Literal["cpu", "cuda"], NEWER_TOO] | None = None
    """What it computes on."""
    min_memory_gb: float | None = None
    """At least so many GiB: of the GPU, or of a machine without one."""
    labels: list[str] = Field(default_factory=list)
    """Words that its operator gave it, all of these."""


class JobRequest(TypedDict, total=False):
    """What every request for a job may say."""

    priority: int
    """Jobs with a higher priority start first."""
    ttl_seconds: int | None
    """A job that no worker has claimed after this time fails with `job_expired`."""
    timeout_seconds: int | None
    """A job that runs longer than this, all attempts together, fails with `job_timed_out`; the last checkpoint of a
    training is kept.
    """
    requires: Requirements
    """Only a worker that offers this takes the job; see GET /v1/workers. Until there is one the job waits, and
    `waiting_for` says so.
    """
    name: str | None
    """What to call it: a training's run too."""
    tags: list[str]
    """Words to list it by; of a training's run too."""
    metadata: dict[str, Any]
    """Anything of yours to keep with it, and with a training's run."""


class Accuracy(Record):
    """Puzzles of the test split that were exactly right."""

    right: int
    n: int
    exact_accuracy: float
    interval: tuple[float, float]
    """Where the true accuracy is, with 95 % confidence (Wilson)."""


Scope = Annotated[Literal["train", "solve", "admin"], NEWER_TOO]
"""A kind of action; reading one's own objects needs a key, but no scope."""


class ApiKey(Record):
    """A key."""

    id: str
    owner: str
    name: str
    scopes: list[Scope]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    created_at: datetime


class ApiKeyRequest(TypedDict, total=False):
    """A request for a new key."""

    owner: Required[str]
    """Owner of the jobs, runs and data sets that it gives access to."""
    name: Required[str]
    """What it is used for."""
    scopes: Required[list[Scope]]
    """Its scopes."""
    expires_in_days: int | None
    """Never if left out."""


class ArcPair(Record):
    """A question and its answer: rows of digits, which are colours."""

    question: list[str]
    answer: list[str]


class ArcTask(Record):
    """An ARC task: example pairs that show a rule, and test pairs that ask for it."""

    name: str
    train: list[ArcPair]
    test: list[ArcPair]


Outcome = Annotated[Literal["succeeded", "failed", "cancelled", "retried", "released", "lost"], NEWER_TOO]
"""How one attempt at a job ended."""

UncountedReason = Annotated[Literal["progress", "infrastructure", "released"], NEWER_TOO]
"""Why an attempt that did not bring the job to its end does not count against its limit."""


class Attempt(Record):
    """One execution of a job by one worker."""

    attempt: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None
    """Null while it runs."""
    uncounted: UncountedReason | None = None
    """Why it does not count against `max_attempts`: it left a newer checkpoint, a fault of the infrastructure and
    not of the job ended it, or its worker was stopped. Null while it runs, and when it counts.
    """
    error_code: str | None
    error_message: str | None
    first_step: int | None
    """The step that a training resumed from."""
    last_step: int | None


class AttemptData(Record):
    """An attempt has ended, and the job has not."""

    attempt: int
    outcome: Outcome
    code: str | None
    """Why it failed, if it did."""
    uncounted: UncountedReason | None = None
    """Why it does not count against `max_attempts`."""


class AuditRecord(Record):
    """Something that was done, or refused."""

    id: str
    created_at: datetime
    owner: str
    caller: str
    """An API key's id; `local` where none is asked for; `operator` for commands."""
    action: str
    """An operation of this API, or a command."""
    object: str | None
    """Id of the object that was changed."""
    request_id: str | None
    outcome: str
    """HTTP status; `ok` for commands."""
    count: int
    """Number of requests: identical 403 and 429 responses to one key within a minute share a record."""


class Bin(Record):
    """Answers whose halt probability lay in [low, high): how sure the model was, and how right."""

    low: float
    high: float
    answers: int
    halt_probability: float
    right: float


class Measure(Record):
    """A number, and where the true one is with 95 % confidence."""

    value: float
    low: float
    high: float


class ReliabilityBin(Record):
    """Answers whose halt probability lay in [low, high): how sure the halting head was, and how right the answers
    were.
    """

    low: float
    high: float
    answers: int
    halt_probability: float
    """Mean."""
    right: Measure
    """Share of them that is exactly right."""


class Calibration(Record):
    """Halt probability against being right, over the answers of all supervision steps and chains.

    Intervals take puzzles, not answers, as independent: answers to one puzzle resemble each other.
    """

    answers: int
    bins: list[ReliabilityBin]
    """Of equal width; empty ones are left out."""
    error: Measure
    """Expected calibration error: mean distance of halt probability and share right, weighted by answers."""
    brier: Measure
    """Brier score: mean squared distance of halt probability and being right."""


class Checkpoint(Record):
    """A saved state that is complete in the storage."""

    id: str
    run_id: str
    step: int
    attempt: int
    bytes: int
    digest: str
    metrics: dict[str, Any]
    """Of the last evaluation before it: `exact_accuracy`, `cell_accuracy`, `verified`, `mean_supervision_steps`; the
    best so far as `best_...`; those of the test split, in the last checkpoint, as `test_...`.
    """
    created_at: datetime
    links: dict[str, str]


class CheckpointDamagedData(Record):
    """A checkpoint that a training was to resume from is not intact; it takes the one before."""

    id: str
    step: int
    reason: str


class CheckpointDamagedEvent(Record):
    """A checkpoint was passed over."""

    id: int
    """Number of the event within its job, from 1; gaps are possible."""
    created_at: datetime | None = None
    """Not in a stream."""
    type: Literal["checkpoint_damaged"]
    data: CheckpointDamagedData


class CheckpointData(Record):
    """A training has stored a checkpoint."""

    id: str
    step: int
    bytes: int
    digest: str
    """SHA-256 of its meta.json, which holds the digests of the other files."""
    seconds: float
    """How long it took to write."""
    metrics: dict[str, float | None]


class CheckpointEvent(Record):
    """A checkpoint was stored."""

    id: int
    """Number of the event within its job, from 1; gaps are possible."""
    created_at: datetime | None = None
    """Not in a stream."""
    type: Literal["checkpoint"]
    data: CheckpointData


class CheckpointFile(Record):
    """A file of a checkpoint."""

    name: str
    bytes: int
    links: dict[str, str]


class CheckpointFiles(Record):
    """All files of a checkpoint."""

    data: list[CheckpointFile]


class ContinueRequest(JobRequest, total=False):
    """How much further a finished solve job is to think."""

    trace: bool
    """Keep the answer after each step, and send it as an event; for at most 100 chains: puzzles times rollouts times
    views.
    """
    keep_carry: bool
    """Keep the state of all chains for a while, so that `POST /v1/solve-jobs/{id}/continue` can continue from it."""
    max_steps: int | None
    """Most supervision steps of a chain, counted from its beginning and not from here; as many more as the model was
    trained with, if left out.
    """
    halt_threshold: float | None
    """Stop a chain once its halt probability reaches this; never, if left out."""
    stable_steps: int | None
    """Stop a chain once this many steps in a row have changed no cell."""
    until_verified: bool
    """Stop at the first answer, of any chain, that the rules accept, and not before the end of the budget otherwise."""
    choose: Annotated[Literal["halt_probability", "votes", "first"], NEWER_TOO]
    """Whose answer is given: the surest chain's, the most frequent one, or the first chain's to halt."""


class CreatedApiKey(ApiKey):
    """A key with its secret."""

    key: str
    """Keep it: it is not shown again."""


WebhookEvent = Annotated[Literal["job.succeeded", "job.failed", "job.cancelled"], NEWER_TOO]
"""Events that a webhook can receive."""


class Webhook(Record):
    """A webhook."""

    id: str
    url: str
    events: list[WebhookEvent]
    disabled_at: datetime | None
    """When it answered 410; no messages are sent to it since."""
    created_at: datetime
    links: dict[str, str]


class CreatedWebhook(Webhook):
    """A webhook, with the secret that its messages are signed with."""

    secret: str
    """Check signatures with it (Standard Webhooks). Keep it: it is not shown again."""


class DeclaredRules(Record):
    """What a data set states about its answers; for a jigsaw Sudoku the regions say all, since rows and columns are
    implied.
    """

    rows: bool = False
    """No symbol stands twice in a row."""
    columns: bool = False
    """No symbol stands twice in a column."""
    regions: str | None = None
    """No symbol stands twice in a region: one character a cell, row by row, the same for all cells of a region, `.`
    for a cell in none.
    White space means nothing. They are kept as A, B, C, .. in the order in which they occur.
    """
    blank: str | None = None
    """The symbol of a cell that the answer fills in. Left out, it is the one that occurs in questions only."""


class PuzzleSpec(Record):
    """The shape and alphabet of one kind of puzzle: all that is needed to read, check and print its grids.

    Token 0 is padding; `symbols[i]` is token i + 1. For Sudoku the first symbol is the blank, for mazes they are
    wall, open,
    start, goal and path, for ARC the end marker and the ten colours.
    """

    kind: Annotated[Literal["sudoku", "maze", "arc", "grid"], NEWER_TOO]
    rows: int
    cols: int
    symbols: list[str]
    box: tuple[int, int] | None = None
    rules: DeclaredRules | None = None


class SplitReport(Record):
    """Findings in one split."""

    searched: int
    """Puzzles, from the first on, whose answers were searched for within the time limit."""
    ambiguous: int
    """Of these, those with more than one answer: no model can know which is meant."""
    repeated: int
    """Puzzles whose question repeats an earlier row."""
    equivalent: int
    """Puzzles equivalent to an earlier one by a symmetry."""
    unused_symbols: list[str]
    """Symbols of the alphabet that no grid uses."""


class DatasetReport(Record):
    """What was found when a data set was uploaded: none of it is an error, all of it matters for a score."""

    clean: bool
    """Whether nothing was found that would distort a training or a score."""
    findings: list[str]
    """All findings in words, what matters most first."""
    splits: dict[str, SplitReport]
    presets: list[str]
    """Presets that were made for puzzles of this kind and size."""


class Dataset(Record):
    """A data set, built in or uploaded."""

    id: str
    """Id of an uploaded data set; a built-in one's id is its name."""
    name: str
    """Name to use in training jobs."""
    builtin: bool
    summary: str | None = None
    licence: str | None = None
    kind: Annotated[Literal["sudoku", "maze", "arc", "grid"], NEWER_TOO]
    puzzle: PuzzleSpec
    """Shape and symbols of its puzzles."""
    splits: dict[str, int | None]
    """Puzzles in each split; null for ARC. Without a `validation` split, a tenth of the training puzzles is held out
    for it. `test` is answered once, at the end of a training.
    """
    overlap: int | None = None
    """Test puzzles that are equivalent to a training puzzle, as far as this could be determined within seconds: a
    score on them flatters. Null for built-in data sets.
    """
    report: DatasetReport | None = None
    """What was found when it was uploaded; null for built-in data sets, and for those uploaded before."""
    sha256: str | None = None
    """Digest of the stored tables."""
    created_at: datetime | None = None


class DatasetPuzzle(Record):
    """One puzzle of a split, in the symbols of its data set, as a solve job takes it."""

    index: int
    """Its row in the table, from 0."""
    question: str
    answer: str | None
    """Null where none is known."""
    source: str | None
    rating: float | None
    """How hard it is, by the scale of its source."""


class Delivery(Record):
    """A message to a webhook, and how far it is."""

    id: str
    """`webhook-id` of the message: the same for every attempt."""
    payload: dict[str, Any]
    attempt: int
    due_at: datetime | None
    """Time of the next attempt; null once delivered or given up."""
    delivered_at: datetime | None
    outcome: str | None
    """Result of the last attempt: an HTTP status, or why there was none."""
    created_at: datetime


class Depth(Record):
    """A stage of a depth curriculum: so deep until this share of all updates is made."""

    until: float
    """Share of all updates at which the stage ends; after one that ends at 1, the model solves at a depth that it
    was not trained at.
    """
    recursions: int
    """Recursions in a supervision step, T; all but the last without gradient."""
    latent_steps: int
    """Updates of the latent in one recursion, n."""


JobStatus = Annotated[Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"], NEWER_TOO]
"""Status of a job."""


class DoneData(Record):
    """A job has ended."""

    status: JobStatus


class DoneEvent(Record):
    """The last event of a job."""

    id: int
    """Number of the event within its job, from 1; gaps are possible."""
    created_at: datetime | None = None
    """Not in a stream."""
    type: Literal["done"]
    data: DoneData


class Estimate(Record):
    """The estimate of a training when it was submitted."""

    seconds: float
    """Duration once it has started, evaluations not included."""
    basis: Annotated[Literal["measured", "scaled", "assumed"], NEWER_TOO]
    """`measured`: an earlier run with the same model and batch; `scaled`: another run here, by the arithmetic of
    both; `assumed`: typical devices, since none has run here yet.
    """
    warnings: list[str]
    """Warnings to consider before waiting for it."""


class StepReport(Record):
    """The answers after a supervision step; puzzles that had stopped before count with the answer that they stopped
    with.
    """

    step: int
    exact: Measure
    """Share of puzzles that are exactly right."""
    cell_accuracy: float
    verified: Measure | None
    """Share whose answer the rules accept; null for puzzles without rules."""
    mean_total_steps: float
    """Supervision steps of all chains a puzzle so far: the compute."""


class GroupReport(Record):
    """Puzzles that are alike in something."""

    low: float
    """The least value of the group."""
    high: float
    n: int
    exact: Measure
    mean_total_steps: float


class Report(Record):
    """How good a model is on n puzzles with known answers, thinking with one effort."""

    n: int
    exact: Measure
    """Share of puzzles whose given answer is exactly right."""
    cell_accuracy: float
    verified: Measure | None
    mean_supervision_steps: float
    """Mean over the chosen chains."""
    mean_total_steps: float
    """Of all chains of a puzzle."""
    stopped: dict[str, int]
    """Puzzles by why the chain stopped whose answer is given."""
    steps: list[StepReport]
    """After supervision step 1, 2 ... as far as any chain went: of a puzzle with several chains the answer that the
    rules accept, or that of the surest chain.
    """
    calibration: Calibration
    by_rating: list[GroupReport] | None
    """Null where the data set has no ratings."""
    by_clues: list[GroupReport] | None
    """By given cells of a Sudoku; null for other puzzles."""


class EvaluateResult(Record):
    """What a finished evaluation found."""

    kind: Literal["evaluate"]
    dataset: str
    split: str
    effort: dict[str, Any]
    """What differs from the defaults."""
    report: Report
    seconds: float
    """Of the last attempt."""


class Evaluation(Record):
    """Accuracy on a whole split, measured at one step of a training."""

    step: int
    split: str
    """`validation` during a training, `test` once at its end. ARC has `test` alone."""
    n: int
    """Puzzles that were scored: those with a known answer."""
    seconds: float
    exact_accuracy: float | None
    """Null where there are no answers to compare with."""
    cell_accuracy: float | None
    verified: float | None
    """Share whose answer obeys the rules."""
    mean_supervision_steps: float
    halt_accuracy: float | None
    halted: list[float | None]
    """Share that would have halted there. One entry for each supervision step; null where no puzzle was at it."""
    halt_probability: list[float | None]
    """Mean halt probability. One entry for each supervision step; null where no puzzle was at it."""
    step_exact_accuracy: list[float | None]
    """Share exactly right. One entry for each supervision step; null where no puzzle was at it."""


class EvaluatedEvent(Record):
    """A training has evaluated itself."""

    id: int
    """Number of the event within its job, from 1; gaps are possible."""
    created_at: datetime | None = None
    """Not in a stream."""
    type: Literal["evaluated"]
    data: Evaluation


class EvaluatingData(Record):
    """A split is being answered."""

    step: int | None = None
    """Of a training."""
    split: str
    n: int
    """Puzzles of the split."""
    through: int
    """How many of them are answered."""


class EvaluatingEvent(Record):
    """An evaluation is under way."""

    id: int
    """Number of the event within its job, from 1; gaps are possible."""
    created_at: datetime | None = None
    """Not in a stream."""
    type: Literal["evaluating"]
    data: EvaluatingData


class EvaluationJobRequest(JobRequest, total=False):
    """A model, the puzzles to examine it on, and how hard to think about each."""

    max_steps: int | None
    """Most supervision steps of a chain, also beyond what the model was trained with; its own number if left out."""
    halt_threshold: float | None
    """Stop a chain once its halt probability reaches this; never, if left out."""
    stable_steps: int | None
    """Stop a chain once this many steps in a row have changed no cell."""
    until_verified: bool
    """Stop at the first answer, of any chain, that the rules accept, and not before the end of the budget otherwise."""
    choose: Annotated[Literal["halt_probability", "votes", "first"], NEWER_TOO]
    """Whose answer is given: the surest chain's, the most frequent one, or the first chain's to halt."""
    restart_steps: int | None
    """Begin a chain again from another random start after this many steps without an answer that the rules accept."""
    guess_every: int | None
    """Fill in an undecided cell of a Sudoku every N steps, drawn from the chain's own probabilities, as if it were
    given; guesses begin after the second restart, after a quarter of each round, and the next restart takes them
    back.
    """
    rollouts: int
    """Chains that differ in their noise (arXiv 2605.19943)."""
    noise: float
    """Deviation of the noise added to the latent before every step."""
    views: int
    """Symmetric images of the puzzle; answers are mapped back."""
    seed: int
    """Of noise and views: the same seed gives the same answers."""
    model: Required[str]
    """Name of a model (GET /v1/models), id of a checkpoint, or of a run: then its newest checkpoint is examined."""
    dataset: str | None
    """Id or name of a data set; the model's own if left out."""
    split: Annotated[Literal["train", "validation", "test"], NEWER_TOO]
    """One that the data set has; `test` is for the end."""
    limit: int
    """The first so many puzzles. Puzzles times rollouts times views may be at most 100,000 chains."""


class FinishedData(Record):
    """A training has made all its updates."""

    step: int
    seconds: float
    exact_accuracy: float | None
    peak_bytes: int


class FinishedEvent(Record):
    """A training is through with its updates."""

    id: int
    """Number of the event within its job, from 1; gaps are possible."""
    created_at: datetime | None = None
    """Not in a stream."""
    type: Literal["finished"]
    data: FinishedData


JobKind = Annotated[Literal["train", "solve", "evaluate"], NEWER_TOO]
"""Kind of a job."""


class Progress(Record):
    """Progress of a job."""

    step: int
    """Training: optimizer updates. Solving and evaluating: puzzles answered."""
    total: int | None
    percent: float | None
    """Share of all work that is done, a training's evaluations included."""
    eta_seconds: float | None
    """Estimated time to the end, evaluations included, while it runs."""


class JobError(Record):
    """Why a job failed."""

    code: str
    message: str


class TrainResult(Record):
    """What a finished training achieved."""

    kind: Literal["train"]
    step: int | None = None
    seconds: float | None = None
    """Of the last attempt."""
    exact_accuracy: float | None = None
    """Share of the test split that is exactly right."""
    peak_bytes: int | None = None
    """Peak memory of the training, on the GPU if it used one."""


class Violation(Record):
    """A rule, and the cells that break it together."""

    rule: Annotated[Literal["given", "blank", "row", "column", "box", "region", "path"], NEWER_TOO]
    """`given`: cells of the question were changed; `blank`: cells were left empty; `row`, `column`, `box`, `region`:
    a symbol stands there more than once; `path`: what is drawn is not a shortest path.
    """
    cells: list[int]
    """Counted from 0, row by row."""
    detail: str


class TraceStep(Record):
    """The answer after one supervision step."""

    step: int
    chain: int = 0
    """Which of the puzzle's chains."""
    answer: str
    halt_probability: float
    changed_cells: list[int]
    """Cells that differ from the step before, counted from 0, row by row."""
    verified: bool | None


class Solution(Record):
    """The answer to one puzzle, and how far to trust it."""

    index: int
    """Place of the puzzle in the request, from 0."""
    question: str
    answer: str
    verified: bool | None
    """Whether the rules accept the answer; null for puzzles without rules."""
    halt_probability: float
    """The model's estimate of the probability that the answer is right."""
    supervision_steps: int
    """Supervision steps of the chosen chain."""
    total_supervision_steps: int
    """Supervision steps of all chains: what the answer cost."""
    reason: Annotated[Literal["verified", "halted", "stable", "budget"], NEWER_TOO]
    """Why the chain stopped: the rules accepted its answer, its halt probability was reached, its answer was stable,
    or the budget ended.
    """
    halted: bool
    """Whether it stopped by itself rather than at the end of the budget."""
    chosen_by: Annotated[Literal["only", "verified", "first", "halt_probability", "votes"], NEWER_TOO]
    """Rule by which this chain's answer was chosen."""
    chain: int
    """Which of the puzzle's chains, from 0."""
    votes: int
    """Chains that ended with this answer."""
    chains: int
    """Chains that had ended when it was chosen."""
    violations: list[Violation] | None = None
    """What is wrong with an answer that is not verified: the cells that break rules, and givens that were changed.
    Empty for one that is; null for puzzles without rules, and once the model has been removed.
    """
    trace: list[TraceStep] | None = None
    """The answer after each step, when asked for."""


class SolveResult(Record):
    """What a finished solve job found."""

    kind: Literal["solve"]
    n: int
    """Puzzles."""
    verified: int | None
    """Puzzles whose answer the rules accept; null for puzzles without rules."""
    mean_supervision_steps: float | None
    """Mean over the chosen chains."""
    total_supervision_steps: int | None = None
    """Sum over all chains of all puzzles."""
    reasons: dict[str, int] = Field(default_factory=dict)
    """Puzzles by the reason why the chosen chain stopped."""
    seconds: float
    carry_bytes: int | None = None
    """Size of what was kept to continue from, where that was asked for; `links.continue` does."""
    solutions: list[Solution] | None = None
    """The first 100; `links.solutions` lists all."""


class Job(Record):
    """A job."""

    id: str
    kind: JobKind
    name: str | None = None
    tags: list[str] = Field(default_factory=list)
    metadata: dict[str, str] = Field(default_factory=dict)
    status: JobStatus
    attempt: int
    """How often a worker has claimed it."""
    max_attempts: int
    """How often it may be claimed; grows with every attempt that does not count."""
    progress: Progress
    run_id: str | None = None
    """The run of a training."""
    model: str | None = None
    """The checkpoint that is used or examined, or the name of a shipped model."""
    continues: str | None = None
    """The solve job whose chains it continues."""
    estimate: Estimate | None = None
    """Of a training, as of its submission."""
    error: JobError | None = None
    result: Annotated[TrainResult | SolveResult | EvaluateResult, Field(discriminator="kind"), NEWER_TOO] | None = None
    queue_position: int | None = None
    """Place among the queued jobs of its kind, 1 for the next; null once it is not queued, and in the answer to its
    submission.
    """
    requires: dict[str, Any] = Field(default_factory=dict)
    """What it asks of its worker; the devices it needs at least."""
    waiting_for: str | None = None
    """Which worker it waits for, while it is queued and none of those that are present could take it; null
    otherwise.
    """
    cancel_requested: bool
    pause_requested: bool
    """True until it is paused, and while it is."""
    priority: int
    ttl_seconds: int | None = None
    """How long it may wait for a worker."""
    timeout_seconds: int | None = None
    """How long it may run, all attempts together."""
    trace_id: str | None = None
    """The trace of its request and its attempts, with tracing on."""
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: list[Attempt] | None = None
    """The last 20, oldest first; `links.attempts` lists all. Not in lists."""
    links: dict[str, str]


class StartedData(Record):
    """An attempt at a training begins."""

    step: int
    """The step that it begins at."""
    total_steps: int
    parameters: int
    device: str
    precision: str
    resumed_from: int | None
    """The step of the checkpoint that it resumes from; null for none."""
    train_puzzles: int
    validation_puzzles: int
    test_puzzles: int
    overlap: int | None
    """Test puzzles equivalent to a training puzzle; null when not counted."""


class StartedEvent(Record):
    """A training began or resumed."""

    id: int
    """Number of the event within its job, from 1; gaps are possible."""
    created_at: datetime | None = None
    """Not in a stream."""
    type: Literal["started"]
    data: StartedData


class StepData(TraceStep):
    """A chain of a traced solve job has made a supervision step."""

    puzzle: int
    """Place of the puzzle in the request, from 0."""
    halted: bool


class StepEvent(Record):
    """A supervision step was made."""

    id: int
    """Number of the event within its job, from 1; gaps are possible."""
    created_at: datetime | None = None
    """Not in a stream."""
    type: Literal["step"]
    data: StepData


class SolvedData(Record):
    """Answers of a solve job have been stored."""

    count: int
    """How many have come with this event."""
    answered: int
    """How many there are by now, in this attempt."""


class SolvedEvent(Record):
    """Answers have come."""

    id: int
    """Number of the event within its job, from 1; gaps are possible."""
    created_at: datetime | None = None
    """Not in a stream."""
    type: Literal["solved"]
    data: SolvedData


class QueuedEvent(Record):
    """An attempt ended and the job is queued again."""

    id: int
    """Number of the event within its job, from 1; gaps are possible."""
    created_at: datetime | None = None
    """Not in a stream."""
    type: Literal["queued"]
    data: AttemptData


class PausedData(Record):
    """A job was paused; the fields are those of the attempt that ended with it, and left out when none did."""

    attempt: int | None = None
    outcome: Outcome | None = None
    code: str | None = None
    uncounted: UncountedReason | None = None


class PausedEvent(Record):
    """The job was paused."""

    id: int
    """Number of the event within its job, from 1; gaps are possible."""
    created_at: datetime | None = None
    """Not in a stream."""
    type: Literal["paused"]
    data: PausedData


class WokenData(Record):
    """A job is queued again because its owner wants it."""

    attempt: int
    """How often a worker had claimed it."""


class ResumedEvent(Record):
    """Its owner resumed the job."""

    id: int
    """Number of the event within its job, from 1; gaps are possible."""
    created_at: datetime | None = None
    """Not in a stream."""
    type: Literal["resumed"]
    data: WokenData


class RetriedEvent(Record):
    """Its owner had the job retried."""

    id: int
    """Number of the event within its job, from 1; gaps are possible."""
    created_at: datetime | None = None
    """Not in a stream."""
    type: Literal["retried"]
    data: WokenData


JobEvent = Annotated[
    StartedEvent
    | EvaluatingEvent
    | EvaluatedEvent
    | CheckpointEvent
    | CheckpointDamagedEvent
    | FinishedEvent
    | StepEvent
    | SolvedEvent
    | QueuedEvent
    | PausedEvent
    | ResumedEvent
    | RetriedEvent
    | DoneEvent,
    Field(discriminator="type"),
    NEWER_TOO,
]
"""An event of a job: what `data` holds follows from its `type`."""


class JobEvents(Record):
    """The events after a given one."""

    data: list[JobEvent]
    finished: bool
    """Whether no more events will come."""


class LogLine(Record):
    """A line."""

    id: int
    """Numbered from 1 over all attempts, without gaps."""
    attempt: int
    created_at: datetime
    text: str


class JobLog(Record):
    """Lines of a job, oldest first."""

    data: list[LogLine]
    next_after: int
    """Ask for the lines after these with `after`."""
    finished: bool
    """Whether the job has ended and these are its last lines."""


class Line(Record):
    """Jobs of one kind, of all owners."""

    kind: JobKind
    queued: int
    running: int
    oldest_seconds: float
    """How long the one has waited that waits longest; 0 where none does."""
    concurrency: int
    """Jobs that the workers of this kind, as far as they are alive, take at once."""
    wait_seconds: float | None
    """How long a job of priority 0 that is submitted now will wait, by what is left of the others: their estimates,
    or how long the last ones took. Null where no worker is alive, or nothing has finished yet.
    """


class Liveness(Record):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ThinkingHarder(Record):
    """Accuracy with computation until the rules accept the answer, and its cost."""

    right: int
    n: int
    exact_accuracy: float
    interval: tuple[float, float]
    """Where the true accuracy is, with 95 % confidence (Wilson)."""
    effort: dict[str, bool | int | float | str]
    """The settings of a solve job that asks for it."""
    verified: int | None
    """Answers that obey the rules."""
    mean_total_steps: float
    """Supervision steps of all chains of a puzzle."""


class Model(Record):
    """A shipped model: give its name as `model` of a solve job."""

    name: str
    puzzle: PuzzleSpec
    any_size: bool
    """Whether it answers puzzles of every size of their kind, not of this one alone."""
    random_start: bool
    """Whether it begins at random, so that `restart_steps` and rollouts differ."""
    dataset: str
    preset: str
    parameters: int
    bytes: int
    licence: str
    cost: str
    """Of the training."""
    test: Accuracy
    """In one pass of all supervision steps, as in the paper."""
    step_exact_accuracy: list[float]
    """After each supervision step of that pass."""
    calibration: list[Bin]
    """Halt probability against being right, over all steps of that pass."""
    calibration_error: float
    """Mean distance of halt probability and share right."""
    harder: ThinkingHarder | None
    """Null for puzzles without rules."""
    links: dict[str, str]


class ModelConfig(Record):
    """The network and its recursion. Defaults are the paper's (arXiv 2510.04871, Sudoku)."""

    mixer: Annotated[Literal["mlp", "attention", "units", "neighbours", "directed_neighbours"], NEWER_TOO] = "mlp"
    """What mixes the tokens. The paper's: an MLP over the token axis, or self-attention. Ours, for puzzles of any
    size: messages along a
    Sudoku's cells, rows, columns and boxes (`units`), or between the cells of a grid, the same from every side
    (`neighbours`) or with
    weights for each of the four directions (`directed_neighbours`).
    """
    hidden_size: int = 512
    """Channels of every token, D."""
    heads: int = 8
    """Attention heads of hidden_size / heads channels, rounded down; attention only."""
    layers: int = 2
    """Layers of the network (of each, where there are two)."""
    expansion: float = 4.0
    """Inner width of a feed-forward over its outer one: two thirds of it, rounded up to a multiple of 256; exactly
    it for the mixers
    that are ours.
    """
    latent_steps: int = 6
    """Updates of the latent in one recursion, n."""
    recursions: int = 3
    """Recursions in a supervision step, T; all but the last without gradient."""
    max_supervision_steps: int = 16
    """How often an answer may be improved, N_sup."""
    prefix_tokens: int = 16
    """Tokens before the grid: the puzzle embedding, and scratch space beside it, P."""
    puzzle_ids: int = 1
    """Rows of the puzzle embedding table; ARC has one for every variant of every task."""
    positions: Annotated[Literal["rotary", "learned", "none"], NEWER_TOO] = "rotary"
    """What tells the place of a token: rotary embeddings, in attention only; a learned table that is added to the
    question; or nothing.
    """
    networks: Annotated[Literal["shared", "separate"], NEWER_TOO] = "shared"
    """`separate`: a second network updates the answer, as in HRM."""
    answer_layers: int | None = None
    """Layers of the second network, which updates the answer; as many as the first has if left out."""
    latents: Annotated[Literal["answer_and_latent", "single", "multi_scale", "none"], NEWER_TOO] = "answer_and_latent"
    """Which states are updated beside the answer: a latent, nothing (`single`), a latent for each latent step, or no
    recursion at all.
    """
    scales: int | None = None
    """Latents of `multi_scale`; one for each latent step if left out. Those beyond the latent steps keep their
    start.
    """
    gradient_steps: int | None = None
    """Latent updates at the end of the last recursion that have a gradient; all if left out, 1 in HRM."""
    experts: int = 1
    """Feed-forwards over channels; with several, every token goes to two of them."""
    tied_embeddings: bool = False
    """The answer head is the token embedding."""
    puzzle_width: int | None = None
    """Values of a row, spread over the prefix tokens from the first; as many as a token has channels if left out."""
    norm_epsilon: float = 1e-05
    """Added to the mean square before a norm divides by its root."""
    rotary_base: float = 10000.0
    """Base of the frequencies of rotary embeddings."""
    feed_forward: Annotated[Literal["swiglu", "normed_swiglu"], NEWER_TOO] = "swiglu"
    """`normed_swiglu` is sigmoid(gate) * norm(gate * up), which suits Muon (arXiv 2601.19085)."""
    hypotheses: int = 1
    """Latents that compete for each puzzle, K; the best one is trained (arXiv 2601.19085)."""
    random_start: bool = False
    """States start at fresh random values for every puzzle (arXiv 2605.21488)."""
    inertia: float = 0.0
    """Share of the old value that an update keeps (arXiv 2605.21488: 0.05)."""
    update_noise: float = 0.0
    """Deviation of the noise added to every update in training (arXiv 2605.21488: 0.01)."""


class ModelVersion(Record):
    """What a name points at, or has pointed at."""

    name: str
    version: int
    """From 1; the newest is what the name means."""
    checkpoint_id: str
    created_at: datetime
    links: dict[str, str]


class ModelList(Record):
    """Models: those that ship, and those that checkpoints were promoted to."""

    data: list[Model]
    """Shipped ones; there are few, and the first page holds them."""
    promoted: list[ModelVersion]
    """A page of your own, by name: what each points at."""
    next_cursor: str | None = None
    """Ask for the next page with this; null on the last page."""
    has_more: bool
    """Whether there are more promoted ones."""


class TrainConfig(Record):
    """Optimisation, logging and evaluation. Defaults are the official Sudoku recipe."""

    steps: int = 65104
    """Optimizer updates."""
    batch_size: int = 768
    """Slots: puzzles that are processed at once; with several `starts`, chains."""
    optimizer: Annotated[Literal["adam_atan2", "adamw", "muon"], NEWER_TOO] = "adam_atan2"
    """`muon` takes the matrices of the blocks and leaves embeddings and heads to AdamW."""
    learning_rate: float = 0.0001
    """Peak learning rate; with Muon that of the rest."""
    weight_decay: float = 1.0
    """Decoupled weight decay, of every parameter."""
    beta1: float = 0.9
    """Decay of the first moment."""
    beta2: float = 0.95
    """Decay of the second moment."""
    puzzle_learning_rate: float = 0.0001
    """Learning rate of the puzzle embedding, trained by sign-SGD."""
    puzzle_weight_decay: float = 1.0
    """Weight decay of the rows of the puzzle embedding that a batch touched."""
    warmup_steps: int = 2000
    """Updates over which the learning rate rises linearly."""
    min_learning_rate_ratio: float = 1.0
    """Where the decay ends, as a share of the peak; 1 keeps the rate constant."""
    ema_decay: float | None = 0.999
    """Decay of the moving average of the weights, which is evaluated and shipped; none is kept for null."""
    loss: Annotated[Literal["stablemax", "softmax"], NEWER_TOO] = "stablemax"
    """`stablemax` grows linearly where softmax grows exponentially (arXiv 2501.04697)."""
    halt_loss_weight: float = 0.5
    """Weight of the halting loss against that of the answer."""
    halt_exploration: float = 0.1
    """Chance that a puzzle may not halt before a random step."""
    precision: Annotated[Literal["float32", "bfloat16"], NEWER_TOO] = "bfloat16"
    """Of activations; weights are kept in float32. A device that would have to emulate bfloat16 computes in float32."""
    augment: bool = True
    """Put every puzzle through a random symmetry of its kind as it enters a slot."""
    seed: int = 0
    """Of weights, order, augmentation, exploration and noise."""
    log_every: int = 50
    """Optimizer updates between two rows of the curve."""
    evaluate_every: int = 2000
    """Optimizer updates between two validations."""
    evaluate_puzzles: int = 1000
    """Puzzles of the validation split that are taken."""
    test_puzzles: int | None = None
    """Puzzles of the test split that are answered, once at the end; all if left out."""
    checkpoint_every: int = 2000
    """Optimizer updates between two checkpoints."""
    keep_best: bool = False
    """Test and ship the weights that were best on the validation split."""
    patience: int | None = None
    """Stop after this many evaluations without a better one; never if left out."""
    halt_rule: Annotated[Literal["halt", "halt_over_continue"], NEWER_TOO] = "halt"
    """`halt_over_continue` is HRM's Q-learning, which needs a second pass."""
    arc_variants: int = 1000
    """Variants of every ARC task, each with a puzzle id of its own."""
    gradient_checkpointing: bool = False
    """Keep less for the backward pass and compute it again: slower by up to a third, for a larger batch in the same
    memory.
    """
    muon_learning_rate: float = 0.02
    """Peak learning rate of the matrices that Muon takes."""
    muon_weight_decay: float = 0.005
    """Weight decay of the matrices that Muon takes."""
    schedule: Annotated[Literal["cosine", "warmup_stable_decay"], NEWER_TOO] = "cosine"
    """How the learning rate falls after the warm-up: by a cosine, or linearly over the last share only."""
    decay_share: float = 0.2
    """Last share of the updates, over which the rate falls; `warmup_stable_decay` only."""
    gradient_clip: float | None = None
    """Largest norm of the whole gradient; no limit if left out."""
    label_smoothing: float = 0.0
    """Share of the target that is spread over the vocabulary."""
    step_discount: float = 1.0
    """The loss of supervision step k is weighted with this to the power k - 1 (arXiv 2511.08653: 0.7)."""
    depth_curriculum: list[Depth] = Field(default_factory=list)
    """Shallower recursions first, then the model's own depth (arXiv 2511.08653)."""
    target: Annotated[Literal["label", "closest_path"], NEWER_TOO] = "label"
    """What an answer is compared with, in loss and accuracy of the training: the label, or of a maze's shortest
    paths the one that the
    answer is closest to, for a body that cannot know which one is labelled.
    """
    reveal: float = 0.0
    """Largest share of a Sudoku's blanks that are filled in as it enters a slot; each puzzle draws its own share
    below it. It falls
    linearly to nothing by `reveal_until`, so that easier puzzles come first.
    """
    reveal_until: float = 0.5
    """Share of all updates at which nothing is revealed."""
    hard_share: float | None = None
    """Share of the training puzzles that are drawn from those rated `hard_rating` or more; as they come if left out."""
    hard_rating: int = 1
    """Rating from which a puzzle counts as hard."""
    starts: int = 1
    """Chains of each puzzle, from different random starts; after each supervision step the one that is closest to
    the answer is trained
    (winner takes all), so that chains dare to guess, and differently. A batch then holds `batch_size / starts`
    puzzles.
    """
    also: list[str] = Field(default_factory=list)
    """Built-in data sets of other sizes that every update trains on as well, for a model of any size, with as many
    slots for each.
    """


class PresetDetail(Record):
    """A preset with every setting; `section.field` is the name to override it by."""

    name: str
    summary: str
    dataset: str
    """Data set that it trains on unless another is asked for."""
    hardware: str
    """What to train it on, and about how long that takes."""
    puzzle: PuzzleSpec
    model: ModelConfig
    train: TrainConfig


class PresetSummary(Record):
    """A preset in a list."""

    name: str
    summary: str
    dataset: str
    """Data set that it trains on unless another is asked for."""
    hardware: str
    """What to train it on, and about how long that takes."""


class PresetList(Record):
    """All presets; there are few, so one page holds them."""

    data: list[PresetSummary]


class ProblemDescription(Record):
    """What a problem code means."""

    code: str
    title: str
    status: int | None
    """HTTP status; null for codes that only finished jobs and commands carry."""
    advice: str
    """What to do about it."""


class Promotion(TypedDict, total=False):
    """A name, and the checkpoint that it is to point at."""

    name: Required[str]
    """Small letters, digits, dots and dashes."""
    checkpoint: Required[str]
    """Id of a checkpoint, or of a run: then its newest one."""


class Queue(Record):
    """What waits, kind by kind."""

    data: list[Line]


class Readiness(Record):
    """Whether requests can be served; without a broker, new jobs wait for it."""

    status: Annotated[Literal["ready", "degraded", "unavailable"], NEWER_TOO]
    checks: dict[str, str]


class RunConfig(Record):
    """One training, whole: with the data set and the code version it can be repeated."""

    preset: str
    dataset: str
    puzzle: PuzzleSpec
    model: ModelConfig = Field(default_factory=ModelConfig)
    train: TrainConfig = Field(default_factory=TrainConfig)


class RunSummary(Record):
    """A run in a list."""

    id: str
    name: str | None
    tags: list[str]
    metadata: dict[str, str]
    job_id: str | None
    preset: str
    dataset: str
    step: int
    """Last optimizer update on record."""
    total_steps: int
    exact_accuracy: float | None
    """At the last evaluation, on whichever split that was."""
    best_exact_accuracy: float | None
    """The highest on the validation split so far."""
    test_exact_accuracy: float | None
    """When the test split was last answered: at the end."""
    parameters: int | None
    """Null until the training has begun."""
    device: str | None
    parent_checkpoint_id: str | None
    """The checkpoint whose weights it began with, if any."""
    created_at: datetime
    links: dict[str, str]


class Run(RunSummary):
    """A run with its whole configuration."""

    config: RunConfig


class RunEvaluation(Evaluation):
    """A run's accuracy on a whole split, measured at one step."""

    attempt: int
    report: Report | None = None
    """Of the test split: what an evaluation job reports, steps, compute and calibration."""
    created_at: datetime


class RunMetric(Record):
    """One logged step of a training: means over the steps since the one before."""

    step: int
    """Optimizer updates so far."""
    attempt: int
    seconds: float
    """Since this attempt began to train."""
    loss: float
    lm_loss: float
    halt_loss: float
    learning_rate: float
    puzzles_finished: int
    puzzles_per_second: float
    exact_accuracy: float | None
    """Share of training puzzles exactly right when they left their slots."""
    cell_accuracy: float | None
    halt_accuracy: float | None
    mean_supervision_steps: float | None
    slots: list[int]
    """Puzzles seen at each supervision step."""
    halted: list[float | None]
    """Share that halted there. One entry for each supervision step; null where no puzzle was at it."""
    halt_probability: list[float | None]
    """Mean halt probability. One entry for each supervision step; null where no puzzle was at it."""
    step_exact_accuracy: list[float | None]
    """Share exactly right. One entry for each supervision step; null where no puzzle was at it."""


class RunMetrics(Record):
    """A run's curve, or a part of it."""

    data: list[RunMetric]
    next_after_step: int | None
    """Ask for the rest with after_step; null when this was all."""


class SolveJobRequest(JobRequest, total=False):
    """Puzzles, the model to solve them with, and how hard to think about each."""

    trace: bool
    """Keep the answer after each step, and send it as an event; for at most 100 chains: puzzles times rollouts times
    views.
    """
    keep_carry: bool
    """Keep the state of all chains for a while, so that `POST /v1/solve-jobs/{id}/continue` can continue from it."""
    max_steps: int | None
    """Most supervision steps of a chain, also beyond what the model was trained with; its own number if left out."""
    halt_threshold: float | None
    """Stop a chain once its halt probability reaches this; never, if left out."""
    stable_steps: int | None
    """Stop a chain once this many steps in a row have changed no cell."""
    until_verified: bool
    """Stop at the first answer, of any chain, that the rules accept, and not before the end of the budget otherwise."""
    choose: Annotated[Literal["halt_probability", "votes", "first"], NEWER_TOO]
    """Whose answer is given: the surest chain's, the most frequent one, or the first chain's to halt."""
    restart_steps: int | None
    """Begin a chain again from another random start after this many steps without an answer that the rules accept."""
    guess_every: int | None
    """Fill in an undecided cell of a Sudoku every N steps, drawn from the chain's own probabilities, as if it were
    given; guesses begin after the second restart, after a quarter of each round, and the next restart takes them
    back.
    """
    rollouts: int
    """Chains that differ in their noise (arXiv 2605.19943)."""
    noise: float
    """Deviation of the noise added to the latent before every step."""
    views: int
    """Symmetric images of the puzzle; answers are mapped back."""
    seed: int
    """Of noise and views: the same seed gives the same answers."""
    model: Required[str]
    """Name of a model (GET /v1/models), id of a checkpoint, or of a run: then its newest checkpoint is used."""
    puzzle: str | list[str | int | None] | list[list[str | int | None]] | None
    """One puzzle: a string of all cells, or nested lists of rows."""
    puzzles: list[str | list[str | int | None] | list[list[str | int | None]]] | None
    """Several puzzles, instead of `puzzle`. Puzzles times rollouts times views may be at most 100,000 chains."""
    require_unique_solution: bool
    """Refuse Sudokus, and grids with declared rules, that have not exactly one solution; for at most 100 puzzles."""


class Target(Record):
    """One process, in the form of Prometheus' HTTP service discovery."""

    targets: list[str]
    labels: dict[str, str]


class TrainingJobRequest(JobRequest, total=False):
    """A preset or a checkpoint to begin with, and what to change in its configuration."""

    preset: str | None
    """One of GET /v1/presets."""
    from_checkpoint: str | None
    """Instead of a preset, the id of a checkpoint or of a run, whose newest is used: a new run that begins with the
    weights that the checkpoint solves with, in the configuration of its run. Steps count from 0; optimizer,
    schedule and data start over. `overrides` may change anything but the model.
    """
    overrides: dict[str, Any]
    """Settings to change, as `section.field`: see GET /v1/presets/{name}. Values are written as they are there,
    lists of objects included.
    """
    dataset: str | None
    """Train on this data set, not on the preset's own."""
    devices: int | None
    """Train on so many GPUs of a worker at once, or on so many cores of one without: as many processes, each with
    its share of `train.batch_size`. As suits the model if left out, on one GPU.
    """
    min_devices: int | None
    """Also take a worker that has only so many, in this attempt or a later one; `devices` if left out."""


class TrainingPlan(Record):
    """What a training would be: nothing was stored or queued."""

    config: RunConfig
    """Preset or checkpoint, data set and overrides, resolved and checked."""
    parent_checkpoint_id: str | None
    """The checkpoint whose weights it would begin with, if any."""
    train_puzzles: int | None
    """Puzzles to train on; null for ARC."""
    estimate: Estimate
    hardware: str
    """What to train it on, and about how long that takes."""


class WebhookRequest(TypedDict, total=False):
    """A request for a new webhook."""

    url: Required[str]
    """A public address, https:// or http://."""
    events: list[WebhookEvent]
    """Events to send; all if left out."""


class Worker(Record):
    """One process."""

    name: str
    """What attempts call it: host and process."""
    role: str
    """`train`, `solve` or `reaper`."""
    host: str
    status: Annotated[Literal["alive", "silent"], NEWER_TOO]
    """`silent`: nothing was heard of it for 60 s, and it did not stop in an orderly way."""
    device: str
    """What it computes on: `cpu` or `cuda`."""
    device_name: str | None = None
    """Of its GPU."""
    devices: int
    """That a training can have: its GPUs, or its cores."""
    memory_gb: float
    """In GiB: of one GPU, or of the machine."""
    labels: list[str]
    """What its operator called it, for jobs to ask for."""
    cores: int
    started_at: datetime
    last_heartbeat_at: datetime
    concurrency: int
    """Jobs that it takes at once."""
    jobs_in_hand: int
    """Jobs that it is at, of all owners."""
    jobs: list[str]
    """The ids of those that you may see."""
    slots_in_use: int | None
    """Chains of thought under way at its last heartbeat; null unless it solves."""


class ProblemItem(Record):
    """One thing that is wrong: where in the request, and how."""

    detail: str
    code: str | None = None
    """The problem code of this item, where it differs from the whole."""
    pointer: str | None = None
    """JSON pointer into the request body."""
    parameter: str | None = None
    """Name of the path, query, header or form parameter."""
    row: int | None = None
    """Data row of an uploaded file, counted from 1."""


class Problem(Record):
    """An error, as `application/problem+json`. Programs should look at `code`, people at `detail`."""

    type: str
    """Relative URL of this problem's description."""
    title: str
    """The same sentence for every problem of this code."""
    status: int
    detail: str
    """What was wrong with this request, and what to do."""
    instance: str
    """Path of the request."""
    code: str
    """Stable code; the reference lists them all."""
    request_id: str
    """Quote this when asking the operator; the log has it too."""
    errors: list[ProblemItem] = Field(default_factory=list)
    """The parts at fault, at most 100 of them."""
