"""One job as the API shows it: the row, its last attempts, and the first answers of a finished solve job."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from services.gateway.schemas.job import Job
from services.gateway.views.puzzle_shape import puzzle_of
from services.registry.access.visibility import AccessScope
from services.registry.db import tables
from services.registry.jobs import attempts, jobs, solutions, waiting
from services.registry.states import JobKind, JobStatus
from trm.errors import CheckpointNotFound, UnknownModel
from trm.puzzles.spec import PuzzleSpec

SOLUTIONS_SHOWN, ATTEMPTS_SHOWN = 100, 20


def read(session: Session, access: AccessScope, job_id: str) -> Job:
    """The job with everything that belongs to it; raises JobNotFound."""
    return within(session, access, jobs.get(session, access, job_id))


@dataclass(frozen=True)
class Place:
    """Where a queued job stands."""

    position: int | None  # 1 for the next; none for a job that is not queued
    waiting_for: str | None  # the worker that would have to come


def place_of(session: Session, row: tables.Job) -> Place:
    """The place in line of this job."""
    if row.status is not JobStatus.QUEUED:
        return Place(None, None)
    return Place(waiting.position(session, row), waiting.waiting_for(session, [row.id]).get(row.id))


def within(session: Session, access: AccessScope, row: tables.Job, place: Place | None = None) -> Job:
    """The row with everything that belongs to it; its place in line is looked up unless it is given."""
    place = place or place_of(session, row)
    tried = attempts.page(session, access, row.id, limit=ATTEMPTS_SHOWN).items[::-1]
    solved = row.kind is JobKind.SOLVE and row.status is JobStatus.SUCCEEDED
    answers = solutions.page(session, access, row.id, limit=SOLUTIONS_SHOWN).items if solved else None
    spec = spec_for(session, access, row, answers or ())
    return Job.of(row, tried, answers, spec, place.position, place.waiting_for)


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
