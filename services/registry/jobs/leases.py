"""The lease on a job: who may write for it, and until when. The database's clock alone decides."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, case, func, insert, select, text, true, update
from sqlalchemy.orm import Session

from services.registry.db.tables import Job, JobAttempt, has_status
from services.registry.errors import StaleLease
from services.registry.jobs.requirements import Capabilities, fit
from services.registry.states import JobKind, JobStatus

# The queue is read in the order of its index. Where statistics are older than a burst of jobs, the planner thinks that few wait,
# and sorts all of them for every claim.
_IN_ORDER = text("SET LOCAL enable_sort = off")


@dataclass(frozen=True)
class Claim:
    """One worker's right to write for a job; every such write presents it."""

    job_id: str
    kind: JobKind
    run_id: str | None
    attempt: int
    max_attempts: int
    lease_token: UUID
    lease_seconds: float
    queue_seconds: float  # how long the job could have been claimed before it was
    traceparent: str | None = None  # of the request, where that was traced
    is_choosy: bool = False  # whether it asks for something of its worker

    @property
    def training_run(self) -> str:
        """The run that a training job belongs to."""
        if self.run_id is None:
            raise ValueError(f"{self.job_id} is not a training job")
        return self.run_id

    @property
    def place(self) -> str:
        """Where this attempt at a training stores its checkpoints.

        No other attempt has that name, not even one with the same number: a restored database counts again.
        """
        return f"runs/{self.training_run}/attempt_{self.attempt}-{self.lease_token.hex[:8]}"


@dataclass(frozen=True)
class Pace:
    """Share of a job's work that is done, and the remaining time."""

    share: float
    eta_seconds: float | None


@dataclass(frozen=True)
class JobSignals:
    """What the holder of a lease is asked to do."""

    cancel: bool = False
    pause: bool = False
    overdue: bool = False  # it exceeded its timeout


def claim_next(
    session: Session,
    kind: JobKind,
    named_job: str,
    worker: str,
    lease_seconds: float,
    offers: Capabilities | None = None,
) -> Claim | None:
    """Take the job of a kind whose turn it is: of those that the worker fits and have the highest priority the one that waits longest.

    A message names one job, but means that there is work. Only when every waiting job is locked by another
    transaction for the moment, such as its announcer's, the one that the named_job names is waited for. None: drop the message.
    """
    session.execute(_IN_ORDER)
    first = (
        select(Job.id)
        .where(Job.kind == kind, has_status(JobStatus.QUEUED), *_match_due(offers))
        .order_by(Job.priority.desc(), Job.available_at, Job.id)
    )
    job_id = session.scalar(first.limit(1).with_for_update(skip_locked=True, key_share=True))
    return claim(session, job_id or named_job, worker, lease_seconds, offers)


def find_choosy(session: Session, kind: JobKind, offers: Capabilities) -> str | None:
    """A queued job of a kind that asks for something and could be claimed by a worker that offers this."""
    asks = (Job.kind == kind, has_status(JobStatus.QUEUED), Job.requires.is_not(None))
    return session.scalar(select(Job.id).where(*asks, *_match_due(offers)).limit(1))


def claim(
    session: Session, job_id: str, worker: str, lease_seconds: float, offers: Capabilities | None = None
) -> Claim | None:
    """Take this queued job as its next attempt; None when it is not to be had, or asks for what the worker does not offer."""
    token = uuid4()
    waited = func.extract("epoch", func.now() - Job.available_at)
    row = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.status == JobStatus.QUEUED, *_match_due(offers))
        .values(
            status=JobStatus.RUNNING,
            attempt=Job.attempt + 1,
            worker=worker,
            lease_token=token,
            lease_expires_at=func.now() + timedelta(seconds=lease_seconds),
            started_at=func.now(),
            expires_at=None,
            deadline_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, Job.timeout_seconds - _sum_worked_seconds()),
            version=Job.version + 1,
        )
        .returning(
            Job.kind, Job.run_id, Job.attempt, Job.max_attempts, waited, Job.traceparent, Job.requires.is_not(None)
        )
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        return None
    kind, run_id, attempt, max_attempts, seconds, traceparent, is_choosy = row
    session.execute(insert(JobAttempt).values(job_id=job_id, attempt=attempt, worker=worker))
    return Claim(
        job_id, kind, run_id, attempt, max_attempts, token, lease_seconds, float(seconds), traceparent, is_choosy
    )


def hold(session: Session, claim: Claim) -> Job:
    """The job's row, locked until the transaction ends; raises StaleLease when the claim no longer holds it."""
    statement = select(Job).where(*_match_lease(claim)).with_for_update(key_share=True)
    job = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if job is None:
        raise _make_stale(claim)
    return job


def heartbeat(session: Session, claim: Claim, step: int | None = None, pace: Pace | None = None) -> JobSignals:
    """Extend the lease, record how far the job has come, and learn what is wanted; raises StaleLease."""
    values: dict[str, Any] = {"lease_expires_at": func.now() + timedelta(seconds=claim.lease_seconds)}
    if step is not None:
        values |= {"step": step, "version": Job.version + case((Job.step != step, 1), else_=0)}
    if pace is not None:
        values |= {"progress": pace.share, "eta_seconds": pace.eta_seconds, "version": Job.version + 1}
    wanted = (
        Job.cancel_requested_at.is_not(None),
        Job.pause_requested_at.is_not(None),
        func.coalesce(Job.deadline_at < func.now(), False),
    )
    statement = update(Job).where(*_match_lease(claim)).values(values).returning(*wanted)
    row = session.execute(statement.execution_options(synchronize_session=False)).one_or_none()
    if row is None:
        raise _make_stale(claim)
    return JobSignals(*row)


def _match_due(offers: Capabilities | None) -> tuple[ColumnElement[bool], ...]:
    in_time = func.coalesce(Job.expires_at > func.now(), True)
    return Job.available_at <= func.now(), in_time, true() if offers is None else fit(offers)


def _sum_worked_seconds() -> ColumnElement[float]:
    """Total duration of all attempts since the last retry."""
    seconds = func.extract("epoch", JobAttempt.ended_at - JobAttempt.started_at)
    earlier = (JobAttempt.job_id == Job.id, JobAttempt.attempt > Job.earlier_attempts)
    return select(func.coalesce(func.sum(seconds), 0)).where(*earlier).scalar_subquery()


def _match_lease(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return Job.id == claim.job_id, Job.lease_token == claim.lease_token, Job.status == JobStatus.RUNNING


def _make_stale(claim: Claim) -> StaleLease:
    return StaleLease(f"Attempt {claim.attempt} no longer holds {claim.job_id}; another one may be at work.")
