"""How a worker ends its attempt at a job: finally, for another attempt, or because the worker is stopped."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.registry.db.base import Json
from services.registry.db.tables import Job
from services.registry.errors import JobTimedOut
from services.registry.jobs import attempts, leases, transitions
from services.registry.jobs.transitions import AttemptEnd, Failure
from services.registry.states import (
    INFRASTRUCTURE,
    JobStatus,
    Outcome,
    after_failure,
    after_release,
    backoff_seconds,
    why_uncounted,
)


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
    transitions.end(session, leases.hold(session, claim), status, Outcome(status.value), result=result, failure=failure)


def retry(session: Session, claim: leases.Claim, failure: Failure) -> JobStatus:
    """Give up this attempt: the job goes back to the queue after a pause, or fails when this was the last that counts.

    Raises StaleLease.
    """
    return give_up(session, leases.hold(session, claim), Outcome.RETRIED, failure)


def release(session: Session, claim: leases.Claim) -> JobStatus:
    """Hand the job back because the worker stops or the job is to pause: this attempt does not count.

    It is queued again at once, or paused or cancelled as its owner has asked. Raises StaleLease.
    """
    return hand_back(session, leases.hold(session, claim))


def hand_back(session: Session, job: Job) -> JobStatus:
    """The same for a job whose row is locked."""
    after = after_release(cancel=job.cancel_requested_at is not None, pause=job.pause_requested_at is not None)
    if after is JobStatus.CANCELLED:
        transitions.end(session, job, after, Outcome.CANCELLED)
        return after
    job.max_attempts = Job.max_attempts + 1
    if after is JobStatus.PAUSED:
        transitions.pause(session, job)
    else:
        transitions.requeue(session, job, transitions.RELEASED)
    return after


def give_up(session: Session, job: Job, outcome: Outcome, failure: Failure) -> JobStatus:
    """End the attempt at a job whose row is locked, and let the job go where that leads."""
    cancel, pause = job.cancel_requested_at is not None, job.pause_requested_at is not None
    history = attempts.summarise(session, job)
    uncounted = why_uncounted(failure.code, history.interruptions, progress=history.has_progress)
    if uncounted is not None:
        job.max_attempts += 1
    elif failure.code in INFRASTRUCTURE and job.attempt >= job.max_attempts:
        count = history.interruptions + 1
        message = f"{failure.message} It was interrupted {count} times in a row without progress."
        failure = Failure(failure.code, message)
    after = after_failure(job.attempt, job.max_attempts, cancel=cancel, pause=pause)
    if not cancel and _is_overdue(session, job):
        after, failure = JobStatus.FAILED, timeout_failure(job.timeout_seconds)
    if after is JobStatus.QUEUED:
        delay = backoff_seconds(1 if history.has_progress else history.fruitless + 1)
        transitions.requeue(session, job, AttemptEnd(outcome, failure, uncounted), delay)
    elif after is JobStatus.PAUSED:
        transitions.pause(session, job, AttemptEnd(outcome, failure, uncounted))
    else:
        ended = outcome if outcome is Outcome.LOST else Outcome(after.value)
        transitions.end(session, job, after, ended, failure=failure)
    return after


def timeout_failure(seconds: int | None) -> Failure:
    """Why a job fails that exceeded its timeout."""
    return Failure(JobTimedOut.code, f"The job exceeded its timeout_seconds, {seconds}.")


def _is_overdue(session: Session, job: Job) -> bool:
    return job.deadline_at is not None and bool(session.scalar(select(func.now() > job.deadline_at)))
