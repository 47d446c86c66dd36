"""What trainings have taken here, and on what: how long another will take can be told from that."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.registry.access.visibility import AccessScope, visible_to
from services.registry.db.base import Json
from services.registry.db.operations_tables import WorkerProcess
from services.registry.db.tables import Job, JobAttempt, Run, RunMetric
from services.registry.jobs.presence import is_alive
from services.registry.jobs.requirements import Requirements, express, fit
from services.registry.states import JobKind

RUNS = 20  # the latest


@dataclass(frozen=True)
class Measured:
    """One run: its configuration, and the seconds of an update in its last attempt."""

    config: Json
    update_seconds: float


def latest(session: Session, access: AccessScope) -> list[Measured]:
    """The paces of the latest runs, the newest first."""
    last = (
        select(RunMetric.seconds, RunMetric.step, RunMetric.attempt)
        .where(RunMetric.run_id == Run.id)
        .order_by(RunMetric.attempt.desc(), RunMetric.step.desc())
        .limit(1)
        .lateral()
    )
    of_run = (Job.run_id == Run.id, Job.kind == JobKind.TRAIN)
    of_attempt = (JobAttempt.job_id == Job.id, JobAttempt.attempt == last.c.attempt)
    found = session.execute(
        select(Run.config, last.c.seconds, last.c.step - func.coalesce(JobAttempt.first_step, 0))
        .join(last, Run.step > 0)
        .join(Job, (of_run[0] & of_run[1]))
        .join(JobAttempt, (of_attempt[0] & of_attempt[1]))
        .where(visible_to(access, Run))
        .order_by(Run.created_at.desc())
        .limit(RUNS)
    )
    return [Measured(config, seconds / steps) for config, seconds, steps in found if steps > 0 and seconds > 0]


def training_workers(session: Session, requires: Requirements) -> Sequence[WorkerProcess]:
    """Training workers that were seen recently and fit what a job asks for."""
    fitting = (WorkerProcess.role == "train", is_alive(), fit(WorkerProcess, express(requires)))
    return session.scalars(select(WorkerProcess).where(*fitting)).all()
