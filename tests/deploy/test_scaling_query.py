"""KEDA's query on a real database: what can be claimed and what runs counts, and nothing else."""

import pytest
from sqlalchemy import text

from services.registry.db.database import Database
from services.registry.db.tables import Job
from services.registry.jobs import leases
from services.registry.states import JobStatus
from tests.deploy.chart import EVERYTHING, find, render
from tests.registry.conftest import Book

TRIGGERS = {"train": ("ScaledJob", "worker-train"), "solve": ("ScaledObject", "worker-solve")}


def wanted(database: Database, role: str) -> int:
    [trigger] = find(render(EVERYTHING), *TRIGGERS[role])["spec"]["triggers"]
    with database.transaction() as session:
        return int(session.execute(text(trigger["metadata"]["query"])).scalar_one())


@pytest.mark.parametrize(("status", "pods"), [(status, int(status in ("queued", "running"))) for status in JobStatus])
def test_a_training_wants_a_pod_while_it_waits_or_runs(database: Database, status: JobStatus, pods: int) -> None:
    Book(database).job_in(status)
    assert wanted(database, "train") == pods
    assert wanted(database, "solve") == 0


def test_one_that_waits_for_its_next_attempt_wants_none_yet(database: Database) -> None:
    job = Book(database).train()
    with database.transaction() as session:
        session.execute(
            text("UPDATE jobs SET available_at = now() + interval '1 minute' WHERE id = :id"), {"id": job.id}
        )
    assert wanted(database, "train") == 0


def test_solve_workers_are_counted_by_their_own_jobs(database: Database) -> None:
    book = Book(database)
    first, second = book.solve(), book.solve()  # each with a training that runs
    with database.transaction() as session:
        leases.claim(session, first.id, "w", 30)
        assert session.get(Job, second.id) is not None
    assert wanted(database, "solve") == 2
    assert wanted(database, "train") == 2
