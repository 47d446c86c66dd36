"""Rows as the gateway makes them, put in one at a time."""

from typing import Any

from sqlalchemy.orm import Session

from services.registry.db.base import Json
from services.registry.db.tables import Job, Run
from services.registry.jobs import jobs
from services.registry.runs import runs
from services.registry.states import JobKind
from trm.config.run import RunConfig


def new_job(session: Session, kind: JobKind, request: Json, *, max_attempts: int = 3, **columns: Any) -> Job:  # noqa: ANN401
    """A queued job; the columns are those of `jobs.new_row`."""
    [row] = jobs.insert_rows(session, [jobs.new_row(kind, request, max_attempts=max_attempts, **columns)])
    return session.get_one(Job, row.id)


def new_run(session: Session, config: RunConfig, **columns: Any) -> Run:  # noqa: ANN401
    """A run; the columns are those of `runs.new_row`."""
    row = runs.new_row(config, **columns)
    runs.insert_rows(session, [row])
    return session.get_one(Run, row["id"])
