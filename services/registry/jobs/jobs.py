"""Rows of jobs: created, read, listed and changed by their owner; `leases` handles execution."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Integer, bindparam, func, insert, select
from sqlalchemy.orm import Session

from services.registry.access.visibility import AccessScope, visible_to
from services.registry.db.base import Json
from services.registry.db.ids import LOCAL_OWNER, new_id
from services.registry.db.labels import NONE, Labels, conditions
from services.registry.db.pages import Page, newest_first
from services.registry.db.tables import Job, has_status
from services.registry.errors import JobFinished, JobNotFound, TransitionRefused
from services.registry.jobs import transitions
from services.registry.jobs.requirements import Requirements
from services.registry.states import JobKind, JobStatus, Outcome
from services.registry.tracing.spans import current_traceparent


@dataclass(frozen=True)
class JobLimits:
    """Priority, time to live and timeout of a job."""

    priority: int = 0  # -10 to 10; higher ones first
    ttl_seconds: int | None = None  # to wait for a worker, at most
    timeout_seconds: int | None = None  # to be worked on, at most


T = TypeVar("T")
NO_LIMITS = JobLimits()
ANY = Requirements()


def new_row(
    kind: JobKind,
    request: Json,
    *,
    run_id: str | None = None,
    model_id: str | None = None,
    pretrained: str | None = None,
    continues: str | None = None,
    total_steps: int | None = None,
    estimate: Json | None = None,
    max_attempts: int = 3,
    job_limits: JobLimits = NO_LIMITS,
    requires: Requirements = ANY,
    labels: Labels = NONE,
    owner: str = LOCAL_OWNER,
) -> Json:
    """The columns of a new job, with its id and the trace that is current, for `insert_rows`."""
    references = {"run_id": run_id, "model_id": model_id, "pretrained": pretrained, "continues": continues}
    limits = {"total_steps": total_steps, "estimate": estimate, "max_attempts": max_attempts}
    return {
        "id": new_id("job"),
        "owner": owner,
        "kind": kind,
        "request": request,
        **references,
        **limits,
        **asdict(job_limits),
        "requires": requires.column,
        **labels.columns,
        "traceparent": current_traceparent(),
    }


def insert_rows(session: Session, rows: Sequence[Json]) -> list[Job]:
    """Put new jobs in the queue with one statement, and return them in their order, not bound to the session."""
    expires_at = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, bindparam("wait", type_=Integer))
    added = insert(Job).values(expires_at=expires_at).returning(*_COMPUTED, sort_by_parameter_order=True)
    computed = session.execute(added, [row | {"wait": row["ttl_seconds"]} for row in rows]).mappings()
    return [Job(**row, **found) for row, found in zip(rows, computed, strict=True)]


# What the database adds to a new row: the request itself, which may be large, does not travel back.
_COMPUTED = (
    Job.status,
    Job.expires_at,
    Job.attempt,
    Job.earlier_attempts,
    Job.step,
    Job.version,
    Job.available_at,
    Job.created_at,
)


def get(session: Session, access: AccessScope, job_id: str) -> Job:
    """The job; raises JobNotFound."""
    return _require(session.scalar(select(Job).where(*_match(access, job_id))), job_id)


def status_of(session: Session, access: AccessScope, job_id: str) -> JobStatus:
    """The job's status alone, without the request, which may be large; raises JobNotFound."""
    return _require(session.scalar(select(Job.status).where(*_match(access, job_id))), job_id)


def request_of(session: Session, access: AccessScope, job_id: str) -> Json:
    """What the job was submitted with, which may be large; raises JobNotFound."""
    return _require(session.scalar(select(Job.request).where(*_match(access, job_id))), job_id)


def shape_of(session: Session, access: AccessScope, job_id: str) -> dict[str, Any] | None:
    """The shape of a solve job's puzzles, where it is not that of the job's model."""
    shape: dict[str, Any] | None = session.scalar(select(Job.request["puzzle"]).where(*_match(access, job_id)))
    return shape


def run_of(session: Session, access: AccessScope, job_id: str) -> str | None:
    """The run of a training; None for other jobs, and for none."""
    return session.scalar(select(Job.run_id).where(*_match(access, job_id)))


def page(
    session: Session,
    access: AccessScope,
    *,
    status: JobStatus | None = None,
    kind: JobKind | None = None,
    run_id: str | None = None,
    labels: Labels = NONE,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[Job]:
    """A page of jobs, newest first; raises InvalidCursor."""
    filters = {"status": status, "kind": kind, "run_id": run_id}
    visible = select(Job).where(visible_to(access, Job))
    statement = visible.filter_by(**{name: value for name, value in filters.items() if value is not None})
    statement = statement.where(*conditions(Job, labels))
    return newest_first(session, statement, Job, cursor, limit)


def in_hand(session: Session, access: AccessScope) -> dict[str, list[str]]:
    """The jobs that workers are at, oldest first, by the worker's name."""
    found: dict[str, list[str]] = {}
    running = select(Job.worker, Job.id).where(has_status(JobStatus.RUNNING), visible_to(access, Job))
    for worker, job_id in session.execute(running.order_by(Job.started_at, Job.id)):
        found.setdefault(worker or "", []).append(job_id)
    return found


def request_cancel(session: Session, access: AccessScope, job_id: str) -> Job:
    """Cancel a job that no worker has at once; ask the worker of a running one to stop. Asking twice changes nothing.

    Raises JobNotFound, or JobFinished for a job that has succeeded or failed.
    """
    job = _lock(session, access, job_id)
    if job.status is JobStatus.CANCELLED:
        return job
    if job.status.is_final:
        raise JobFinished(f"The job has already {_ENDED[job.status]}; there is nothing left to cancel.")
    if job.status is not JobStatus.RUNNING:
        transitions.end(session, job, JobStatus.CANCELLED, Outcome.CANCELLED)
    elif job.cancel_requested_at is None:
        job.cancel_requested_at = func.now()
        job.pause_requested_at = None
        job.version = Job.version + 1
    return _refresh(session, job)


def request_pause(session: Session, access: AccessScope, job_id: str) -> Job:
    """Set a queued job aside at once; ask the worker of a running one to save and let go. Asking twice changes nothing.

    Raises JobNotFound, JobFinished or TransitionRefused.
    """
    job = _lock(session, access, job_id)
    if job.status.is_final:
        raise JobFinished(f"The job has already {_ENDED[job.status]}; there is nothing left to pause.")
    if job.cancel_requested_at is not None:
        raise TransitionRefused("The job is being cancelled; it can no longer be paused.")
    if job.status is JobStatus.QUEUED:
        transitions.pause(session, job)
    elif job.pause_requested_at is None:
        job.pause_requested_at = func.now()
        job.version = Job.version + 1
    return _refresh(session, job)


def resume(session: Session, access: AccessScope, job_id: str) -> Job:
    """Queue a paused job again, or withdraw the request to pause a running one. Raises JobNotFound or TransitionRefused."""
    job = _lock(session, access, job_id)
    if job.pause_requested_at is None:
        raise TransitionRefused(f"The job is {job.status.value}; only a paused one can be resumed.")
    if job.status is JobStatus.PAUSED:
        transitions.wake(session, job, "resumed")
    else:
        job.pause_requested_at = None
        job.version = Job.version + 1
    return _refresh(session, job)


def retry(session: Session, access: AccessScope, job_id: str, attempts: int) -> Job:
    """Queue a failed or cancelled job again, with so many attempts and all its time.

    A training continues from its last intact checkpoint. Raises JobNotFound or TransitionRefused.
    """
    job = _lock(session, access, job_id)
    if job.status not in (JobStatus.FAILED, JobStatus.CANCELLED):
        raise TransitionRefused(f"The job is {job.status.value}; only a failed or cancelled one can be retried.")
    if job.status is JobStatus.FAILED:
        job.earlier_failures += 1
    else:
        job.earlier_cancellations += 1
    job.earlier_attempts, job.max_attempts = job.attempt, job.attempt + attempts
    transitions.wake(session, job, "retried")
    return _refresh(session, job)


def _refresh(session: Session, job: Job) -> Job:
    session.flush()
    session.refresh(job)  # what the database computed
    return job


_ENDED = {JobStatus.SUCCEEDED: "succeeded", JobStatus.FAILED: "failed", JobStatus.CANCELLED: "been cancelled"}


def _lock(session: Session, access: AccessScope, job_id: str) -> Job:
    statement = select(Job).where(*_match(access, job_id)).with_for_update(key_share=True)
    return _require(session.scalar(statement.execution_options(populate_existing=True)), job_id)


def _match(access: AccessScope, job_id: str) -> tuple[ColumnElement[bool], ...]:
    return Job.id == job_id, visible_to(access, Job)


def _require(found: T | None, job_id: str) -> T:
    if found is None:
        raise JobNotFound(f"There is no job {job_id[:100]!r}.")
    return found
