"""Jobs: units of queued work, and how far they are."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from services.gateway.schemas.base import Response, examples
from services.gateway.schemas.solution import Solution
from services.registry.db import tables
from services.registry.states import JobKind, JobStatus, Outcome, UncountedReason
from services.registry.tracing.spans import trace_id_of
from trm.interface.report import Report
from trm.puzzles.spec import PuzzleSpec

_EXAMPLE: dict[str, Any] = {
    "id": "job_01934e0c5f3b7c2aa1b2c3d4e5f60718",
    "kind": "train",
    "status": "running",
    "attempt": 1,
    "max_attempts": 3,
    "progress": {"step": 250, "total": 1000, "percent": 25.0, "eta_seconds": 71.0},
    "run_id": "run_01934e0c5f3b7c2aa1b2c3d4e5f60718",
    "cancel_requested": False,
    "pause_requested": False,
    "priority": 0,
    "created_at": "2026-11-23T12:00:00Z",
    "started_at": "2026-11-23T12:00:01Z",
    "links": {
        "self": "/v1/jobs/job_01934e0c5f3b7c2aa1b2c3d4e5f60718",
        "events": "/v1/jobs/job_01934e0c5f3b7c2aa1b2c3d4e5f60718/events",
        "attempts": "/v1/jobs/job_01934e0c5f3b7c2aa1b2c3d4e5f60718/attempts",
        "cancel": "/v1/jobs/job_01934e0c5f3b7c2aa1b2c3d4e5f60718/cancel",
        "pause": "/v1/jobs/job_01934e0c5f3b7c2aa1b2c3d4e5f60718/pause",
        "run": "/v1/runs/run_01934e0c5f3b7c2aa1b2c3d4e5f60718",
    },
}


MOVES_OF = {  # what its owner may ask of a job
    JobStatus.QUEUED: ("cancel", "pause"),
    JobStatus.RUNNING: ("cancel", "pause"),
    JobStatus.PAUSED: ("cancel", "resume"),
    JobStatus.SUCCEEDED: (),
    JobStatus.FAILED: ("retry",),
    JobStatus.CANCELLED: ("retry",),
}


class Progress(Response):
    """Progress of a job."""

    step: int = Field(description="Training: optimizer updates. Solving and evaluating: puzzles answered.")
    total: int | None
    percent: float | None = Field(description="Share of all work that is done, a training's evaluations included.")
    eta_seconds: float | None = Field(description="Estimated time to the end, evaluations included, while it runs.")

    @classmethod
    def of(cls, job: tables.Job, attempts: Sequence[tables.JobAttempt], now: datetime) -> Self:
        """The progress of this row."""
        percent = None if (share := _find_share(job)) is None else round(100 * share, 1)
        return cls(step=job.step, total=job.total_steps, percent=percent, eta_seconds=_estimate_eta(job, attempts, now))


def _find_share(job: tables.Job) -> float | None:
    """Share of all work that is done, a training's evaluations included."""
    if job.status is JobStatus.SUCCEEDED:
        return 1.0
    if job.progress is not None:
        return min(job.progress, 1.0)
    return min(job.step / job.total_steps, 1.0) if job.total_steps else None


def _estimate_eta(job: tables.Job, attempts: Sequence[tables.JobAttempt], now: datetime) -> float | None:
    """Remaining seconds as reported by the worker, else from the pace of this attempt."""
    if job.status is not JobStatus.RUNNING or job.started_at is None or job.total_steps is None:
        return None
    if job.eta_seconds is not None:
        return round(job.eta_seconds, 1)
    first_step = next(
        (a.first_step or 0 for a in attempts if a.attempt == job.attempt), 0 if job.attempt == 1 else None
    )
    seconds = (now - job.started_at).total_seconds()
    if first_step is None or job.step <= first_step or seconds <= 0:
        return None
    return round((job.total_steps - job.step) * seconds / (job.step - first_step), 1)


Basis = Literal["measured", "scaled", "assumed"]


class Estimate(Response):
    """The estimate of a training when it was submitted."""

    seconds: float = Field(description="Duration once it has started, evaluations not included.")
    basis: Basis = Field(
        description="`measured`: an earlier run with the same model and batch; `scaled`: another run here, by the arithmetic of "
        "both; `assumed`: typical devices, since none has run here yet."
    )
    warnings: list[str] = Field(description="Warnings to consider before waiting for it.")


class JobError(Response):
    """Why a job failed."""

    code: str
    message: str


class Attempt(Response):
    """One execution of a job by one worker."""

    attempt: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None = Field(description="Null while it runs.")
    uncounted: UncountedReason | None = Field(
        default=None,
        description="Why it does not count against `max_attempts`: it left a newer checkpoint, a fault of the infrastructure "
        "and not of the job ended it, or its worker was stopped. Null while it runs, and when it counts.",
    )
    error_code: str | None
    error_message: str | None
    first_step: int | None = Field(description="The step that a training resumed from.")
    last_step: int | None


class TrainResult(Response):
    """What a finished training achieved."""

    kind: Literal[JobKind.TRAIN]
    step: int | None = None
    seconds: float | None = Field(default=None, description="Of the last attempt.")
    exact_accuracy: float | None = Field(default=None, description="Share of the test split that is exactly right.")
    peak_bytes: int | None = Field(default=None, description="Peak memory of the training, on the GPU if it used one.")


class SolveResult(Response):
    """What a finished solve job found."""

    kind: Literal[JobKind.SOLVE]
    n: int = Field(description="Puzzles.")
    verified: int | None = Field(description="Puzzles whose answer the rules accept; null for puzzles without rules.")
    mean_supervision_steps: float | None = Field(description="Mean over the chosen chains.")
    total_supervision_steps: int | None = Field(default=None, description="Sum over all chains of all puzzles.")
    reasons: dict[str, int] = Field(default={}, description="Puzzles by the reason why the chosen chain stopped.")
    seconds: float
    carry_bytes: int | None = Field(
        default=None,
        description="Size of what was kept to continue from, where that was asked for; `links.continue` does.",
    )
    solutions: list[Solution] | None = Field(default=None, description="The first 100; `links.solutions` lists all.")


class EvaluateResult(Response):
    """What a finished evaluation found."""

    kind: Literal[JobKind.EVALUATE]
    dataset: str
    split: str
    effort: dict[str, Any] = Field(description="What differs from the defaults.")
    report: Report
    seconds: float = Field(description="Of the last attempt.")


class Job(Response):
    """A job."""

    model_config = examples(_EXAMPLE)

    id: str
    kind: JobKind
    name: str | None = None
    tags: list[str] = Field(default=[])
    metadata: dict[str, str] = Field(default={})
    status: JobStatus
    attempt: int = Field(description="How often a worker has claimed it.")
    max_attempts: int = Field(description="How often it may be claimed; grows with every attempt that does not count.")
    progress: Progress
    run_id: str | None = Field(default=None, description="The run of a training.")
    model: str | None = Field(
        default=None, description="The checkpoint that is used or examined, or the name of a shipped model."
    )
    continues: str | None = Field(default=None, description="The solve job whose chains it continues.")
    estimate: Estimate | None = Field(default=None, description="Of a training, as of its submission.")
    error: JobError | None = None
    result: Annotated[TrainResult | SolveResult | EvaluateResult, Field(discriminator="kind")] | None = None
    queue_position: int | None = Field(
        default=None,
        description="Place among the queued jobs of its kind, 1 for the next; null once it is not queued, and in the answer to "
        "its submission.",
    )
    requires: dict[str, Any] = Field(
        default={}, description="What it asks of its worker; the devices it needs at least."
    )
    waiting_for: str | None = Field(
        default=None,
        description="Which worker it waits for, while it is queued and none of those that are present could take it; null otherwise.",
    )
    cancel_requested: bool
    pause_requested: bool = Field(description="True until it is paused, and while it is.")
    priority: int
    ttl_seconds: int | None = Field(default=None, description="How long it may wait for a worker.")
    timeout_seconds: int | None = Field(default=None, description="How long it may run, all attempts together.")
    trace_id: str | None = Field(
        default=None, description="The trace of its request and its attempts, with tracing on."
    )
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: list[Attempt] | None = Field(
        default=None, description="The last 20, oldest first; `links.attempts` lists all. Not in lists."
    )
    links: dict[str, str]

    @classmethod
    def of(
        cls,
        job: tables.Job,
        attempts: Sequence[tables.JobAttempt] | None = None,
        solutions: Sequence[tables.Solution] | None = None,
        spec: PuzzleSpec | None = None,
        queue_position: int | None = None,
        waiting_for: str | None = None,
    ) -> Self:
        """The job of this row; with its attempts, first solutions and place in line where they are given."""
        listed = None if solutions is None else [Solution.of(s, spec) for s in solutions]
        return cls.from_row(
            job,
            metadata=job.meta,
            progress=Progress.of(job, attempts or (), datetime.now(UTC)),
            model=job.model_id or job.pretrained,
            error=JobError(code=job.error_code, message=job.error_message or "") if job.error_code else None,
            result=None if job.result is None else {**job.result, "kind": job.kind, "solutions": listed},
            queue_position=queue_position,
            requires=job.requires or {},
            waiting_for=waiting_for,
            cancel_requested=job.cancel_requested_at is not None,
            pause_requested=job.pause_requested_at is not None,
            trace_id=trace_id_of(job.traceparent),
            attempts=None if attempts is None else [Attempt.from_row(attempt) for attempt in attempts],
            links=_make_links(job),
        )


def _make_links(job: tables.Job) -> dict[str, str]:
    home = f"/v1/jobs/{job.id}"
    links = {"self": home, "events": f"{home}/events", "attempts": f"{home}/attempts"}
    links |= {move: f"{home}/{move}" for move in MOVES_OF[job.status]}
    if job.run_id:
        links["run"] = f"/v1/runs/{job.run_id}"
    if job.kind is JobKind.TRAIN:
        links["logs"] = f"{home}/logs"
    else:
        links["model"] = f"/v1/models/{job.pretrained}" if job.pretrained else f"/v1/checkpoints/{job.model_id}"
    if job.kind is JobKind.SOLVE:
        links["solutions"] = f"{home}/solutions"
        if job.result and job.result.get("carry_bytes"):
            links["continue"] = f"/v1/solve-jobs/{job.id}/continue"
    return links
