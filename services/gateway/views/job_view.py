"""One job as the API shows it: the row, its attempts, and the first answers of a finished solve job."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.gateway.schemas.job import Job
from services.gateway.views.puzzle_shape import puzzle_of
from services.registry.access.visibility import AccessScope
from services.registry.db import tables
from services.registry.db.database import Database
from services.registry.jobs import attempts, jobs, solutions
from services.registry.states import JobKind, JobStatus
from trm.errors import CheckpointNotFound, UnknownModel
from trm.puzzles.spec import PuzzleSpec

SOLUTIONS_SHOWN = 100


def read(database: Database, access: AccessScope, job_id: str) -> Job:
    """The job with everything that belongs to it; raises JobNotFound."""
    return show(database, access, find(database, access, job_id))


def find(database: Database, access: AccessScope, job_id: str) -> tables.Job:
    """The job's row; raises JobNotFound."""
    with database.transaction() as session:
        return jobs.get(session, access, job_id)


def show(database: Database, access: AccessScope, row: tables.Job) -> Job:
    """The row with everything that belongs to it."""
    with database.transaction() as session:
        return within(session, access, row)


def within(session: Session, access: AccessScope, row: tables.Job) -> Job:
    """The same, in a transaction that is open already."""
    tried = attempts.of_job(session, access, row.id)
    solved = row.kind is JobKind.SOLVE and row.status is JobStatus.SUCCEEDED
    answers = solutions.page(session, access, row.id, limit=SOLUTIONS_SHOWN).items if solved else None
    return Job.of(row, tried, answers, spec_for(session, access, row, answers or ()))


def spec_for(
    session: Session, access: AccessScope, row: tables.Job, answers: Sequence[tables.Solution]
) -> PuzzleSpec | None:
    """What the answers are judged by, if any of them needs that; None also once the job's model is gone."""
    if all(answer.verified is not False for answer in answers):
        return None
    try:
        return puzzle_of(session, access, row)
    except (CheckpointNotFound, UnknownModel):
        return None
