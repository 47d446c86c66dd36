"""The line that queued jobs stand in: how long it is, how fast it moves, and which place a job has in it.

Jobs of all owners stand in one line; only numbers come back.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, case, cast, func, select
from sqlalchemy.orm import Session

from services.registry.db.operations_tables import WorkerProcess
from services.registry.db.tables import Job, has_status
from services.registry.jobs.presence import is_alive
from services.registry.jobs.requirements import Requirements, fit
from services.registry.states import JobKind, JobStatus

ROLES = {JobKind.TRAIN: "train", JobKind.SOLVE: "solve", JobKind.EVALUATE: "solve"}  # of the workers that take them
EVALUATIONS_SHARE = 2  # one place of so many is for evaluations
LATELY = 50  # jobs of a kind that have succeeded: how long they took tells how long others will


@dataclass(frozen=True)
class Work:
    """Jobs of a kind in one state, and the seconds of work that is left in them; None where that cannot be told."""

    jobs: int = 0
    seconds: float | None = 0.0
    oldest_seconds: float = 0.0  # how long the one waits, or waited, that could be claimed first


NONE = Work()


@dataclass(frozen=True)
class Line:
    """What waits and what runs of one kind."""

    kind: JobKind
    queued: Work
    running: Work
    concurrency: int  # jobs that the workers seen lately take at once

    @property
    def wait_seconds(self) -> float | None:
        """How long a job that is submitted now waits for a worker; None where there is none, or nothing to tell it from."""
        if not self.concurrency:
            return None
        if self.queued.jobs + self.running.jobs < self.concurrency:
            return 0.0
        if self.queued.seconds is None or self.running.seconds is None:
            return None
        return (self.queued.seconds + self.running.seconds) / self.concurrency


def lines(session: Session) -> list[Line]:
    """The line of each kind."""
    return [_read_line(session, kind) for kind in JobKind]


def positions(session: Session, job_ids: Collection[str]) -> dict[str, int]:
    """The place in line of those of these jobs that are queued: the next is at 1."""
    if not job_ids:
        return {}
    order = (Job.priority.desc(), Job.available_at, Job.id)  # that of `leases.claim_next`, for which there is an index
    place = func.row_number().over(partition_by=Job.kind, order_by=order)
    line = select(Job.id, place.label("place")).where(has_status(JobStatus.QUEUED)).subquery()
    found = session.execute(select(line).where(line.c.id.in_(job_ids)))
    return dict(found.all())


def position(session: Session, job: Job) -> int | None:
    """The place in line of this job; None for one that is not queued."""
    return positions(session, [job.id]).get(job.id) if job.status is JobStatus.QUEUED else None


def waiting_for(session: Session, job_ids: Collection[str]) -> dict[str, str]:
    """For those of these jobs that are queued while no worker that is present could take them: which worker they wait for."""
    if not job_ids:
        return {}
    role = case({kind.value: role for kind, role in ROLES.items()}, value=cast(Job.kind, Text))
    present = select(WorkerProcess.name).where(WorkerProcess.role == role, is_alive(), fit(WorkerProcess)).exists()
    alone = select(Job.id, Job.kind, Job.requires).where(Job.id.in_(job_ids), Job.status == JobStatus.QUEUED, ~present)
    return {job_id: describe_worker(kind, Requirements.of(asked)) for job_id, kind, asked in session.execute(alone)}


def describe_worker(kind: JobKind, requires: Requirements) -> str:
    """Such as `a train worker with an NVIDIA GPU and 40 GB of memory`."""
    return f"a {ROLES[kind]} worker" + (f" with {requires}" if requires.column else "")


def _read_line(session: Session, kind: JobKind) -> Line:
    left = _estimate_seconds_left(_average_seconds(session, kind))
    waited = func.greatest(func.extract("epoch", func.now() - func.min(Job.available_at)), 0)
    of_kind = (Job.kind == kind, Job.status.in_((JobStatus.QUEUED, JobStatus.RUNNING)))
    counted = select(Job.status, func.count(), func.count(left), func.sum(left), waited).where(*of_kind)
    work = {
        status: Work(jobs, float(seconds) if known == jobs else None, float(oldest))
        for status, jobs, known, seconds, oldest in session.execute(counted.group_by(Job.status))
    }
    queued, running = (work.get(status, NONE) for status in (JobStatus.QUEUED, JobStatus.RUNNING))
    return Line(kind, queued, running, _sum_concurrency(session, kind))


def _estimate_seconds_left(typical: float | None) -> ColumnElement[Any]:
    """As its worker says, or what was estimated or is typical of its kind, less the time that it has run."""
    whole = func.coalesce(Job.estimate["seconds"].as_float(), typical)
    worked = func.extract("epoch", func.now() - Job.started_at)
    left = case((whole < worked, 0.0), else_=whole - worked)  # unknown stays unknown, unlike with GREATEST
    rest = func.coalesce(Job.eta_seconds, left)
    return case((has_status(JobStatus.RUNNING), rest), else_=whole)


def _average_seconds(session: Session, kind: JobKind) -> float | None:
    took = func.extract("epoch", Job.finished_at - Job.started_at).label("took")
    last = select(took).where(Job.kind == kind, has_status(JobStatus.SUCCEEDED), Job.finished_at.is_not(None))
    latest = last.order_by(Job.finished_at.desc()).limit(LATELY).subquery("latest")
    seconds = session.scalar(select(func.avg(latest.c.took)))
    return None if seconds is None else float(seconds)


def evaluations_at_once(concurrency: int) -> int:
    """How many of a worker's places evaluations may take: they are long, and solve jobs would wait for all of them."""
    return max(1, concurrency // EVALUATIONS_SHARE)


def _sum_concurrency(session: Session, kind: JobKind) -> int:
    places: ColumnElement[int] = WorkerProcess.concurrency.expression
    if kind is JobKind.EVALUATE:
        places = func.greatest(1, places // EVALUATIONS_SHARE)
    taken = select(func.coalesce(func.sum(places), 0))
    return int(session.scalar(taken.where(WorkerProcess.role == ROLES[kind], is_alive())) or 0)
