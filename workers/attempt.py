"""One execution of a job: claimed, kept alive by heartbeats, and ended exactly once."""

import time
from collections.abc import Callable
from typing import Any

import structlog
from opentelemetry import trace

from services.registry.access.visibility import EVERYTHING
from services.registry.errors import JobTimedOut, StaleLease
from services.registry.jobs import attempts, completion, leases
from services.registry.metrics.instruments import exemplar
from services.registry.states import JobKind, JobStatus, Outcome
from services.registry.tracing import spans
from workers import outcome
from workers.context import Metrics, Worker

log = structlog.get_logger()


class Cancelled(Exception):
    """The job's owner asked to cancel it."""


class Released(Exception):
    """The worker is being stopped, or the job is to pause; another attempt should continue, now or later."""


class Failed(Exception):
    """The work itself failed, with a verdict on what follows."""

    def __init__(self, verdict: outcome.Verdict) -> None:
        super().__init__(verdict.failure.message)
        self.verdict = verdict


Work = Callable[[Worker[Metrics], leases.Claim], dict[str, Any]]


def reason_to_stop(signals: leases.JobSignals) -> Cancelled | Released | Failed | None:
    """What a heartbeat has brought, as what ends the work; none when it continues."""
    if signals.cancel:
        return Cancelled()
    if signals.overdue:
        return Failed(outcome.of_error(JobTimedOut("The job exceeded its timeout_seconds.")))
    return Released() if signals.pause else None


def stop_if_unwanted(worker: Worker[Metrics], signals: leases.JobSignals, *, is_done: bool) -> None:
    """After a heartbeat: raise what ends the work, if its owner wants that or the worker is being stopped before it is done."""
    worker.metrics.last_heartbeat.set_to_current_time()
    if (reason := reason_to_stop(signals)) is not None:
        raise reason
    if worker.stopping.is_set() and not is_done:
        raise Released


def run(worker: Worker[Metrics], kind: JobKind, named_job: str, work: Work[Metrics]) -> None:
    """Claim the job whose turn it is and do the work on it; a message may find that there is nothing to do.

    After a job that asks for something of its worker comes the next such job: its message may have gone to a worker that it does not fit.
    """
    next_job: str | None = named_job
    while next_job is not None and (claim := _claim(worker, kind, next_job)) is not None:
        with worker.idleness.interrupted():
            _run(worker, claim, work)
        next_job = _find_next(worker, claim)


def _claim(worker: Worker[Metrics], kind: JobKind, named_job: str) -> leases.Claim | None:
    lease_seconds = worker.settings.lease_seconds
    with worker.database.transaction() as session:
        claim = leases.claim_next(session, kind, named_job, worker.name, lease_seconds, worker.offers)
    if claim is None:
        log.info("job.not_claimed", job_id=named_job)
    return claim


def _find_next(worker: Worker[Metrics], claim: leases.Claim) -> str | None:
    if not claim.is_choosy or worker.stopping.is_set():
        return None
    with worker.database.transaction() as session:
        return leases.find_choosy(session, claim.kind, worker.offers)


def _run(worker: Worker[Metrics], claim: leases.Claim, work: Work[Metrics]) -> None:
    kind, begun = claim.kind.value, time.monotonic()
    span = spans.start_attempt(
        kind, claim.job_id, claim.attempt, lease_token=claim.lease_token, traceparent=claim.traceparent
    )
    span.set_attributes({"trm.worker": worker.name, "trm.queue_seconds": claim.queue_seconds})
    with (
        trace.use_span(span),  # ended with the attempt: one that is lost is recorded by the reaper
        structlog.contextvars.bound_contextvars(job_id=claim.job_id, attempt=claim.attempt),
    ):
        about = exemplar(job_id=claim.job_id)
        worker.metrics.job_queue_wait_seconds.labels(kind).observe(max(0.0, claim.queue_seconds), about)
        log.info("attempt.started", kind=kind)
        try:
            ended = _run_work(worker, claim, work)
        except StaleLease as error:
            worker.metrics.stale_writes_rejected.labels(kind).inc()
            log.warning("attempt.superseded", reason=str(error))
            return
        worker.metrics.attempts_ended.labels(kind, ended.value).inc()
        worker.metrics.job_run_seconds.labels(kind).observe(time.monotonic() - begun, about)
        log.info("attempt.ended", outcome=ended.value, seconds=round(time.monotonic() - begun, 3))
        span.set_attribute("trm.outcome", ended.value)
        span.end()


def _run_work(worker: Worker[Metrics], claim: leases.Claim, work: Work[Metrics]) -> Outcome:
    try:
        result = work(worker, claim)
    except StaleLease:
        raise
    except Released:
        with worker.database.transaction() as session:
            status = completion.release(session, claim)
        return Outcome.CANCELLED if status is JobStatus.CANCELLED else Outcome.RELEASED
    except Cancelled:
        return _finish(worker, claim, JobStatus.CANCELLED)
    except Failed as error:
        return _fail(worker, claim, error.verdict)
    except Exception as error:
        log.exception("attempt.failed")
        return _fail(worker, claim, outcome.of_error(error))
    return _finish(worker, claim, JobStatus.SUCCEEDED, result)


def _finish(
    worker: Worker[Metrics], claim: leases.Claim, status: JobStatus, result: dict[str, Any] | None = None
) -> Outcome:
    with worker.database.transaction() as session:
        completion.finish(session, claim, status, result=result)
    return Outcome(status.value)


def _fail(worker: Worker[Metrics], claim: leases.Claim, verdict: outcome.Verdict) -> Outcome:
    with worker.database.transaction() as session:
        job = leases.hold(session, claim)
        tried = attempts.of_job(session, EVERYTHING, job.id)
        earlier = [(one.error_code, one.last_step) for one in tried if one.attempt < job.attempt]
        most = worker.settings.quarantine_deaths
        verdict = outcome.in_view_of(verdict, job.step, earlier[job.earlier_attempts :], most)
        failure = verdict.failure
        spans.mark_failed(trace.get_current_span(), failure.code)
        log.warning("attempt.unsuccessful", code=failure.code, reason=failure.message, then=verdict.then)
        if verdict.then is outcome.NextAction.RETRY:
            status = completion.retry(session, claim, failure)
            return Outcome(status.value) if status.is_final else Outcome.RETRIED
        completion.finish(session, claim, JobStatus.FAILED, failure=failure)
    if verdict.then is outcome.NextAction.QUARANTINE:
        worker.metrics.jobs_quarantined.labels(claim.kind.value).inc()
    return Outcome.FAILED
