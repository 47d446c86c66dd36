"""The checker sees what it is there to see: each invariant is broken on purpose, and named."""

import pytest
from sqlalchemy import text

from tests.chaos import invariants
from tests.chaos.customer import Customer
from tests.chaos.invariants import INVARIANTS, Scene
from tests.chaos.stand import Stand

BREAKS = {
    "every accepted job ends": "UPDATE jobs SET status = 'queued', finished_at = NULL WHERE id = :job",
    "every accepted request makes one job": "UPDATE jobs SET created_at = now() WHERE kind = 'train' AND id <> :job",
    "a job ends exactly once": "INSERT INTO job_events (job_id, seq, type, data) "
    "SELECT job_id, max(seq) + 1, 'done', '{\"status\": \"failed\"}' FROM job_events WHERE job_id = :job GROUP BY 1",
    "only allowed moves": "UPDATE jobs SET status = 'queued', finished_at = NULL WHERE id = :job",
    "at most one live lease": "INSERT INTO job_attempts (job_id, attempt, worker) VALUES (:job, 2, 'zombie')",
    "no row by a stale token": "INSERT INTO checkpoints (id, run_id, attempt, step, url, digest, bytes, metrics) "
    "SELECT id || '2', run_id, attempt + 1, step, url, digest, bytes, metrics FROM checkpoints WHERE run_id = :run",
    "metric steps without gaps, each once": "DELETE FROM run_metrics WHERE run_id = :run AND step = 10",
    "every complete checkpoint verifies": "UPDATE checkpoints SET digest = 'd' WHERE run_id = :run",
    "no folder that no row knows": "DELETE FROM checkpoints WHERE run_id = :run",
    "the outbox is empty": "UPDATE jobs SET status = 'queued', finished_at = NULL WHERE id = :job",
    "Prometheus counts what the database counts": "UPDATE jobs SET status = 'cancelled', cancel_requested_at = now() WHERE id = :job",
}


@pytest.mark.slow
def test_what_is_broken_is_named(stand: Stand, customer: Customer) -> None:
    job = customer.succeeded(customer.train(20))
    assert invariants.settled(stand, customer.since, customer.accepted) == []
    for name, sql in BREAKS.items():
        with stand.database.transaction() as session:
            session.execute(text(sql), {"job": job["id"], "run": job["run_id"]})
            assert list(INVARIANTS[name](Scene(stand, session, customer.since, customer.accepted))), name
            session.rollback()
    draft = stand.data / "artifacts" / "runs" / ".step_1.part"
    draft.mkdir()
    with stand.database.transaction() as session:
        assert list(INVARIANTS["no temporary files"](Scene(stand, session, customer.since, customer.accepted)))
    draft.rmdir()
    stand.crashes.append("planted")
    assert "no part ends of itself: planted" in invariants.violations(stand, customer.since, customer.accepted)
    assert {*BREAKS, "no temporary files", "no part ends of itself"} == set(INVARIANTS)
