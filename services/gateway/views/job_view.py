"""One job as the API shows it: the row, its attempts, and the first answers of a finished solve job."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.gateway.schemas.job import Job
from services.gateway.views.puzzle_shape import puzzle_of
from services.registry.db import tables
from services.registry.db.database import Database
from services.registry.errors import CheckpointNotFound
from services.registry.jobs import attempts, jobs, solutions, waiting
from services.registry.states import JobKind, JobStatus
from trm.errors import UnknownModel
from trm.puzzles.spec import PuzzleSpec

SOLUTIONS_SHOWN = 100


def read(database: Database, job_id: str) -> Job:
    """The job with everything that belongs to it; raises JobNotFound."""
    with database.transaction() as session:
        return within(session, jobs.get(session, job_id))


def find(database: Database, job_id: str) -> tables.Job:
    """The job's row; raises JobNotFound."""
    with database.transaction() as session:
        return jobs.get(session, job_id)


def within(session: Session, row: tables.Job, place: int | None = None) -> Job:
    """The row with everything that belongs to it; its place in line is looked up unless it is given."""
    place = place or waiting.position(session, row)
    tried = attempts.of_job(session, row.id)
    solved = row.kind is JobKind.SOLVE and row.status is JobStatus.SUCCEEDED
    answers = solutions.page(session, row.id, limit=SOLUTIONS_SHOWN).items if solved else None
    return Job.of(row, tried, answers, spec_for(session, row, answers or ()), place)


def spec_for(session: Session, row: tables.Job, answers: Sequence[tables.Solution]) -> PuzzleSpec | None:
    """What the answers are judged by, if any of them needs that; None also once the job's model is gone."""
    if all(answer.verified is not False for answer in answers):
        return None
    try:
        return puzzle_of(session, row)
    except (CheckpointNotFound, UnknownModel):
        return None
