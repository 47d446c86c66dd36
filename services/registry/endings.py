"""How a worker lets go of a job: for good, for another attempt, or because it is being stopped itself."""

from sqlalchemy.orm import Session

from services.registry import leases, moves
from services.registry.base import Json
from services.registry.moves import Failure
from services.registry.states import JobStatus, Outcome, after_failure, backoff_seconds
from services.registry.tables import Job


def finish(
    session: Session,
    claim: leases.Claim,
    status: JobStatus,
    *,
    result: Json | None = None,
    failure: Failure | None = None,
) -> None:
    """End the job for good: succeeded, failed (with its failure) or cancelled; raises StaleLease."""
    if (status is JobStatus.FAILED) != (failure is not None):
        raise ValueError("a failed job has a failure, and no other has one")
    moves.end(session, leases.hold(session, claim), status, Outcome(status.value), result=result, failure=failure)


def retry(session: Session, claim: leases.Claim, failure: Failure) -> JobStatus:
    """Give up this attempt: the job goes back to the queue after a pause, or fails when this was its last attempt.

    Raises StaleLease.
    """
    return give_up(session, leases.hold(session, claim), Outcome.RETRIED, failure)


def release(session: Session, claim: leases.Claim) -> JobStatus:
    """Hand the job back because the worker stops: queued again at once, and this attempt does not count.

    Raises StaleLease.
    """
    job = leases.hold(session, claim)
    if job.cancel_requested_at is not None:
        moves.end(session, job, JobStatus.CANCELLED, Outcome.CANCELLED)
        return JobStatus.CANCELLED
    job.max_attempts = Job.max_attempts + 1
    moves.requeue(session, job, Outcome.RELEASED)
    return JobStatus.QUEUED


def give_up(session: Session, job: Job, outcome: Outcome, failure: Failure) -> JobStatus:
    """End the attempt at a job whose row is locked, and let the job go where that leads."""
    after = after_failure(job.attempt, job.max_attempts, cancel_requested=job.cancel_requested_at is not None)
    if after is JobStatus.QUEUED:
        moves.requeue(session, job, outcome, failure=failure, delay_seconds=backoff_seconds(job.attempt))
    else:
        ended = outcome if outcome is Outcome.LOST else Outcome(after.value)
        moves.end(session, job, after, ended, failure=failure)
    return after
