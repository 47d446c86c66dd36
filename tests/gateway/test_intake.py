"""Jobs that are submitted together are committed together, and none of them pays for another."""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from services.gateway.backends import Backends
from services.registry.db.database import Database
from services.registry.db.ids import new_id
from services.registry.db.tables import Job
from services.registry.errors import CheckpointNotFound, DatabaseUnavailable
from services.registry.jobs import jobs
from services.registry.runs import runs
from services.registry.settings import Settings
from services.registry.states import JobKind
from services.registry.submissions.submissions import Submission
from trm.config.overrides import resolve
from trm.puzzles.sudoku import spec_for


@pytest.fixture
def parts(app: FastAPI) -> Iterator[Backends]:
    """Backends whose threads have not been started yet."""
    parts: Backends = app.state.backends
    yield parts
    parts.intake.close()
    parts.announcer.close()


def training() -> Submission:
    run = runs.new_row(resolve("sudoku-4x4", spec_for(4)))
    return Submission(jobs.new_row(JobKind.TRAIN, {}, run_id=run["id"]), run)


def solving(model: str) -> Submission:
    return Submission(jobs.new_row(JobKind.SOLVE, {"puzzles": ["1..."]}, model_id=model, total_steps=1))


def together(parts: Backends, submitted: Sequence[Submission]) -> list[Any]:
    """What becomes of submissions that wait together when the intake begins: a job each, or an error."""

    async def submit() -> list[Any]:
        waiting: list[Awaitable[Job]] = [asyncio.ensure_future(parts.intake.submit(one)) for one in submitted]
        await asyncio.sleep(0)  # now all of them wait
        parts.intake.start()
        return await asyncio.gather(*waiting, return_exceptions=True)

    return asyncio.run(submit())


def test_what_waits_together_is_committed_together(parts: Backends, database: Database, model: str) -> None:
    submitted = [training(), solving(model), training(), *(solving(model) for _ in range(20))]
    given = together(parts, submitted)
    assert [job.id for job in given] == [one.job["id"] for one in submitted]
    with database.transaction() as session:
        rows = {job.id: job for job in session.scalars(select(Job))}
        moments = select(func.count(func.distinct(Job.created_at))).where(Job.id.in_([job.id for job in given]))
        assert session.scalar(moments) == 1  # of one transaction
    for job in given:
        assert [getattr(job, name) for name in ("kind", "status", "attempt", "created_at", "total_steps")] == [
            getattr(rows[job.id], name) for name in ("kind", "status", "attempt", "created_at", "total_steps")
        ]


def test_one_that_the_database_refuses_costs_the_others_nothing(parts: Backends, model: str) -> None:
    urgent = solving(model)
    urgent.job["priority"] = 11
    first, refused, last = together(parts, [solving(model), urgent, solving(model)])
    assert isinstance(refused, Exception)
    assert "priority_in_bounds" in str(refused)
    with parts.database.transaction() as session:
        assert [jobs.get(session, job.id).id for job in (first, last)] == [first.id, last.id]


def test_one_whose_model_is_gone_costs_the_others_nothing(parts: Backends, model: str) -> None:
    first, refused, last = together(parts, [solving(model), solving(new_id("ckpt")), solving(model)])
    assert isinstance(refused, CheckpointNotFound)
    with parts.database.transaction() as session:
        assert [jobs.get(session, job.id).id for job in (first, last)] == [first.id, last.id]


def test_without_a_database_everyone_who_waits_is_told(settings: Settings, nowhere: object) -> None:
    parts = Backends.of(settings.model_copy(update={"database_url": f"postgresql+psycopg://trm@/trm?host={nowhere}"}))
    try:
        assert {type(error) for error in together(parts, [training() for _ in range(5)])} == {DatabaseUnavailable}
    finally:
        parts.close()


def test_a_client_that_leaves_early_does_not_stop_the_others(parts: Backends, model: str) -> None:
    async def submit() -> Job:
        leaving, staying = (asyncio.ensure_future(parts.intake.submit(solving(model))) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        parts.intake.start()
        return await staying

    job = asyncio.run(submit())
    with parts.database.transaction() as session:
        assert jobs.get(session, job.id).total_steps == 1
