"""How an attempt ends decides whether it counts, and the API tells the two apart."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, text, update

from services.registry.db.tables import Job
from services.registry.jobs.leases import Claim
from services.registry.metrics.metrics import SolveMetrics
from services.registry.states import JobKind
from tests.fresh import new_job, new_run
from tests.gateway.conftest import app, client
from trm.config.run import RunConfig
from workers import attempt
from workers.context import Worker

__all__ = ["app", "client"]
AnyWorker = Worker[SolveMetrics]


@pytest.fixture
def job_id(worker: AnyWorker, config: RunConfig) -> str:
    """A job that may be tried once."""
    with worker.database.transaction() as session:
        return new_job(session, JobKind.TRAIN, {}, run_id=new_run(session, config).id, max_attempts=1).id


def wait_too_long(worker: AnyWorker, _claim: Claim) -> dict[str, Any]:
    with worker.database.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = '50ms'"))
        session.execute(text("SELECT pg_sleep(10)"))
    return {}


def succeed(_worker: AnyWorker, _claim: Claim) -> dict[str, Any]:
    return {"step": 1}


def break_down(_worker: AnyWorker, _claim: Claim) -> dict[str, Any]:
    raise RuntimeError("of the job's own making")


def try_at_once(worker: AnyWorker, job_id: str, work: attempt.Work[SolveMetrics]) -> None:
    with worker.database.transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(available_at=func.now()))
    attempt.run(worker, JobKind.TRAIN, job_id, work)


@pytest.mark.slow
def test_a_statement_that_the_database_cancels_is_tried_again_and_not_counted(
    worker: AnyWorker, job_id: str, client: TestClient
) -> None:
    for _ in range(2):
        try_at_once(worker, job_id, wait_too_long)
    job = client.get(f"/v1/jobs/{job_id}").json()
    assert (job["status"], job["attempt"], job["max_attempts"]) == ("queued", 2, 3)
    assert [(a["outcome"], a["error_code"], a["uncounted"]) for a in job["attempts"]] == [
        ("retried", "database_unavailable", "infrastructure")
    ] * 2
    assert "statement timeout" in job["attempts"][0]["error_message"]
    try_at_once(worker, job_id, succeed)
    assert client.get(f"/v1/jobs/{job_id}").json()["status"] == "succeeded"


def test_a_fault_of_the_job_counts(worker: AnyWorker, job_id: str, client: TestClient) -> None:
    try_at_once(worker, job_id, break_down)
    job = client.get(f"/v1/jobs/{job_id}").json()
    assert (job["status"], job["error"]["code"], job["max_attempts"]) == ("failed", "internal_error", 1)
    assert [(a["outcome"], a["uncounted"]) for a in job["attempts"]] == [("failed", None)]
