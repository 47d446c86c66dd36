"""The job's row: made, read, listed and cancelled. Who works on it is the business of `leases`."""

from collections.abc import Sequence

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from services.registry import moves
from services.registry.base import Json
from services.registry.errors import JobFinished, JobNotFound
from services.registry.ids import new_id
from services.registry.lookup import find
from services.registry.pages import Page, newest_first
from services.registry.states import JobKind, JobStatus, Outcome
from services.registry.tables import Job


def submit(
    session: Session,
    kind: JobKind,
    request: Json,
    *,
    run_id: str | None = None,
    model_id: str | None = None,
    pretrained: str | None = None,
    total_steps: int | None = None,
    max_attempts: int = 3,
) -> Job:
    """Put a job in the queue: a train job names its run, a solve job its checkpoint or a shipped model.

    Publish it once this is committed.
    """
    references = {"run_id": run_id, "model_id": model_id, "pretrained": pretrained}
    job = Job(**new_row(kind, request, **references, total_steps=total_steps, max_attempts=max_attempts))
    session.add(job)
    session.flush()
    return job


def new_row(
    kind: JobKind,
    request: Json,
    *,
    run_id: str | None = None,
    model_id: str | None = None,
    pretrained: str | None = None,
    total_steps: int | None = None,
    max_attempts: int = 3,
) -> Json:
    """The columns of a new job, with its id, for `insert_rows`."""
    references = {"run_id": run_id, "model_id": model_id, "pretrained": pretrained}
    limits = {"total_steps": total_steps, "max_attempts": max_attempts}
    return {"id": new_id("job"), "kind": kind, "request": request, **references, **limits}


def insert_rows(session: Session, rows: Sequence[Json]) -> list[Job]:
    """Put new jobs in the queue with one statement, and return them in their order, not bound to the session."""
    added = insert(Job).returning(*_COMPUTED, sort_by_parameter_order=True)
    return [Job(**row, **found) for row, found in zip(rows, session.execute(added, rows).mappings(), strict=True)]


# What the database adds to a new row: the request itself, which may be large, does not travel back.
_COMPUTED = (Job.status, Job.attempt, Job.step, Job.version, Job.available_at, Job.created_at)


def get(session: Session, job_id: str) -> Job:
    """The job; raises JobNotFound."""
    job = find(session, Job, job_id)
    if job is None:
        raise _not_found(job_id)
    return job


def status_of(session: Session, job_id: str) -> JobStatus:
    """The job's status alone, without the request, which may be large; raises JobNotFound."""
    status = None if "\0" in job_id else session.scalar(select(Job.status).where(Job.id == job_id))
    if status is None:
        raise _not_found(job_id)
    return status


def page(
    session: Session,
    *,
    status: JobStatus | None = None,
    kind: JobKind | None = None,
    run_id: str | None = None,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[Job]:
    """A page of jobs, youngest first; raises InvalidCursor."""
    filters = {"status": status, "kind": kind, "run_id": run_id}
    statement = select(Job).filter_by(**{name: value for name, value in filters.items() if value is not None})
    return newest_first(session, statement, Job.created_at, Job.id, cursor, limit)


def request_cancel(session: Session, job_id: str) -> Job:
    """Cancel a queued job at once; ask the worker of a running one to stop. Asking twice changes nothing.

    Raises JobNotFound, or JobFinished.
    """
    job = _locked(session, job_id)
    if job.status.is_final:
        raise JobFinished(f"The job has already {_ENDED[job.status]}; there is nothing left to cancel.")
    if job.status is JobStatus.QUEUED:
        moves.end(session, job, JobStatus.CANCELLED, Outcome.CANCELLED)
    elif job.cancel_requested_at is None:
        job.cancel_requested_at = func.now()
        job.version = Job.version + 1
    session.flush()
    session.refresh(job)  # what the database computed
    return job


_ENDED = {
    JobStatus.SUCCEEDED: "succeeded",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "been cancelled",
}


def _locked(session: Session, job_id: str) -> Job:
    statement = select(Job).where(Job.id == job_id.replace("\0", "?")).with_for_update(key_share=True)
    job = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if job is None:
        raise _not_found(job_id)
    return job


def _not_found(job_id: str) -> JobNotFound:
    return JobNotFound(f"There is no job {job_id[:100]!r}.")
