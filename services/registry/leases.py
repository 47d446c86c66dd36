"""The lease on a job: who may write for it, and until when. The database's clock alone decides."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, case, func, insert, select, update
from sqlalchemy.orm import Session

from services.registry.errors import StaleLease
from services.registry.states import JobKind, JobStatus
from services.registry.tables import Job, JobAttempt


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

    @property
    def training_run(self) -> str:
        """The run that a training job belongs to."""
        if self.run_id is None:
            raise ValueError(f"{self.job_id} is no training job")
        return self.run_id


@dataclass(frozen=True)
class Orders:
    """What the holder of a lease is asked to do."""

    cancel: bool


def claim(session: Session, job_id: str, worker: str, lease_seconds: float) -> Claim | None:
    """Take a queued job as its next attempt; None when there is nothing to take, so the message may be dropped."""
    token = uuid4()
    waited = func.extract("epoch", func.now() - Job.available_at)
    row = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.status == JobStatus.QUEUED, Job.available_at <= func.now())
        .values(
            status=JobStatus.RUNNING,
            attempt=Job.attempt + 1,
            worker=worker,
            lease_token=token,
            lease_expires_at=func.now() + timedelta(seconds=lease_seconds),
            started_at=func.now(),
            version=Job.version + 1,
        )
        .returning(Job.kind, Job.run_id, Job.attempt, Job.max_attempts, waited)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        return None
    kind, run_id, attempt, max_attempts, seconds = row
    session.execute(insert(JobAttempt).values(job_id=job_id, attempt=attempt, worker=worker))
    return Claim(job_id, kind, run_id, attempt, max_attempts, token, lease_seconds, float(seconds))


def hold(session: Session, claim: Claim) -> Job:
    """The job's row, locked until the transaction ends; raises StaleLease when the claim no longer holds it."""
    statement = select(Job).where(*_held(claim)).with_for_update(key_share=True)
    job = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if job is None:
        raise _stale(claim)
    return job


def heartbeat(session: Session, claim: Claim, step: int | None = None) -> Orders:
    """Extend the lease, record how far the job has come, and learn what is wanted; raises StaleLease."""
    values: dict[str, Any] = {"lease_expires_at": func.now() + timedelta(seconds=claim.lease_seconds)}
    if step is not None:
        values |= {"step": step, "version": Job.version + case((Job.step != step, 1), else_=0)}
    statement = update(Job).where(*_held(claim)).values(values).returning(Job.cancel_requested_at)
    row = session.execute(statement.execution_options(synchronize_session=False)).one_or_none()
    if row is None:
        raise _stale(claim)
    return Orders(cancel=row[0] is not None)


def _held(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    return Job.id == claim.job_id, Job.lease_token == claim.lease_token, Job.status == JobStatus.RUNNING


def _stale(claim: Claim) -> StaleLease:
    return StaleLease(f"Attempt {claim.attempt} no longer holds {claim.job_id}; another one may be at work.")
