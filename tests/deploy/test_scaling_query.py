"""KEDA's query on a real database: what a pool's pods are at and what they could claim counts, and nothing else."""

from functools import cache

import pytest
from sqlalchemy import text

from services.registry.db.database import Database
from services.registry.db.tables import Job
from services.registry.jobs import leases, presence
from services.registry.jobs.presence import Presence
from services.registry.jobs.requirements import GIB, Capabilities, Requirements
from services.registry.states import JobKind, JobStatus
from tests.deploy.chart import EVERYTHING, find, render
from tests.fresh import new_job, new_run
from tests.registry.conftest import CONFIG, Book
from tests.registry.test_requirements import ASKED

TRIGGERS = {"train": ("ScaledJob", "worker-train"), "solve": ("ScaledObject", "worker-solve")}
POOL = Capabilities("cuda", 2, 80 * GIB, "NVIDIA H100", ("lab-a", "fast"))  # what the values of everything.yaml say
ELSEWHERE = [
    Capabilities("cpu", 4, 8 * GIB, labels=("lab-a", "fast")),
    Capabilities("cuda", 2, 80 * GIB, "NVIDIA H100", ("lab-a",)),
    Capabilities("cuda", 2, 80 * GIB, "NVIDIA H100", ("lab-a", "fast", "more")),
]


@cache
def query(role: str, **settings: object) -> str:
    [trigger] = find(render(EVERYTHING, **settings), *TRIGGERS[role])["spec"]["triggers"]
    return str(trigger["metadata"]["query"])


def wanted(database: Database, role: str, **settings: object) -> int:
    with database.transaction() as session:
        return int(session.connection().exec_driver_sql(query(role, **settings)).scalar_one())


def appear(database: Database, offers: Capabilities, name: str = "worker-1") -> None:
    with database.transaction() as session:
        presence.record(session, Presence(name, "train", "h:1", 1, offers))


@pytest.mark.parametrize(("status", "pods"), [(status, int(status in ("queued", "running"))) for status in JobStatus])
def test_a_training_wants_a_pod_while_it_waits_or_runs(database: Database, status: JobStatus, pods: int) -> None:
    appear(database, POOL)
    Book(database).job_in(status)
    assert wanted(database, "train") == pods
    assert wanted(database, "solve") == 0


@pytest.mark.parametrize("offers", ELSEWHERE)
def test_one_that_runs_elsewhere_wants_none(database: Database, offers: Capabilities) -> None:
    appear(database, offers)
    Book(database).training()
    assert wanted(database, "train") == 0


@pytest.mark.parametrize(("requires", "fits"), [(requires, cluster) for requires, _, cluster in ASKED], ids=str)
def test_one_that_waits_wants_a_pod_that_it_fits(database: Database, requires: Requirements, fits: bool) -> None:
    with database.transaction() as session:
        new_job(session, JobKind.TRAIN, {}, run_id=new_run(session, CONFIG).id, requires=requires)
    assert wanted(database, "train") == int(fits)
    with database.transaction() as session:  # by the rule of the workers themselves
        assert (leases.claim_next(session, JobKind.TRAIN, "none", "w", 30, POOL) is not None) == fits


def test_what_is_not_known_of_a_pool_starts_a_pod(database: Database) -> None:
    with database.transaction() as session:
        run = new_run(session, CONFIG).id
        new_job(session, JobKind.TRAIN, {}, run_id=run, requires=Requirements(min_memory_gb=500))
    assert wanted(database, "train") == 0
    assert wanted(database, "train", train__offers__memoryGb=0) == 1


def test_one_that_waits_for_its_next_attempt_wants_none_yet(database: Database) -> None:
    job = Book(database).train()
    with database.transaction() as session:
        session.execute(
            text("UPDATE jobs SET available_at = now() + interval '1 minute' WHERE id = :id"), {"id": job.id}
        )
    assert wanted(database, "train") == 0


def test_solve_workers_are_counted_by_their_own_jobs(database: Database) -> None:
    book = Book(database)
    appear(database, Capabilities("cpu"), "w")
    appear(database, POOL)
    first, second = book.solve(), book.solve()  # each with a training that runs
    with database.transaction() as session:
        leases.claim(session, first.id, "w", 30)
        assert session.get(Job, second.id) is not None
    assert wanted(database, "solve") == 2
    assert wanted(database, "train") == 2
