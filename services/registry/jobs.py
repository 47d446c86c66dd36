"""The job's row: made, read, listed and cancelled. Who works on it is the business of `leases`."""

from sqlalchemy import func, select
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
    total_steps: int | None = None,
    max_attempts: int = 3,
) -> Job:
    """Put a job in the queue: a train job names its run, a solve job its model. Publish it once this is committed."""
    job = Job(
        id=new_id("job"),
        kind=kind,
        request=request,
        run_id=run_id,
        model_id=model_id,
        total_steps=total_steps,
        max_attempts=max_attempts,
    )
    session.add(job)
    session.flush()
    return job


def get(session: Session, job_id: str) -> Job:
    """The job; raises JobNotFound."""
    job = find(session, Job, job_id)
    if job is None:
        raise _not_found(job_id)
    return job


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
