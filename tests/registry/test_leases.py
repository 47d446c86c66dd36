"""Who may write for a job: claims are exclusive, and a claim that was lost writes nothing."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from services.registry.access.visibility import EVERYTHING
from services.registry.db.base import Base
from services.registry.db.tables import Job, JobAttempt
from services.registry.errors import StaleLease
from services.registry.jobs import attempts, completion, job_events, jobs, leases, rescue, solutions
from services.registry.jobs.leases import Claim
from services.registry.runs import checkpoints, evaluations, run_metrics, runs
from services.registry.states import JobKind, JobStatus
from tests.registry.conftest import DEAD, Book

Write = Callable[[Session, Claim], object]
ANSWER = {
    "index": 0,
    "question": "1",
    "answer": "1",
    "verified": True,
    "halt_probability": 0.9,
    "steps": 2,
    "total_steps": 2,
    "reason": "halted",
    "chosen_by": "only",
    "chain": 0,
    "votes": 1,
    "chains": 1,
    "trace": None,
}
EVALUATION = {
    "step": 10, "split": "test", "n": 4, "seconds": 1.0, "exact_accuracy": 0.5, "cell_accuracy": 0.9, "verified": 0.5,
    "mean_supervision_steps": 4.0, "halt_accuracy": 0.5, "halted": [1.0], "halt_probability": [0.5],
    "step_exact_accuracy": [0.5],
}  # fmt: skip
WRITES: dict[str, Write] = {
    "heartbeat": lambda session, claim: leases.heartbeat(session, claim, 5),
    "succeed": lambda session, claim: completion.finish(session, claim, JobStatus.SUCCEEDED),
    "fail": lambda session, claim: completion.finish(session, claim, JobStatus.FAILED, failure=DEAD),
    "cancel": lambda session, claim: completion.finish(session, claim, JobStatus.CANCELLED),
    "retry": lambda session, claim: completion.retry(session, claim, DEAD),
    "release": completion.release,
    "events": lambda session, claim: job_events.append(session, claim, [("started", {})]),
    "no events": lambda session, claim: job_events.append(session, claim, []),
    "first step": lambda session, claim: attempts.record_first_step(session, claim, 5),
    "start": lambda session, claim: runs.record_start(session, claim, step=5, parameters=1, device="cpu"),
    "checkpoint": lambda s, claim: checkpoints.add(s, claim, step=10, url="memory://x", digest="d", size=1, metrics={}),
    "metrics": lambda session, claim: run_metrics.add(session, claim, []),
    "evaluation": lambda session, claim: evaluations.add(session, claim, EVALUATION),
    "solutions": lambda session, claim: solutions.add(session, claim, [ANSWER]),
}


def test_one_of_many_workers_gets_a_job(book: Book) -> None:
    job_ids = [book.train().id for _ in range(5)]
    workers, start = 8, threading.Barrier(8)

    def work(name: int) -> list[str]:
        start.wait()
        won = []
        for job_id in job_ids:
            with book.transaction() as session:
                if leases.claim(session, job_id, f"worker-{name}", 30) is not None:
                    won.append(job_id)
        return won

    with ThreadPoolExecutor(workers) as pool:
        won = [job_id for jobs_won in pool.map(work, range(workers)) for job_id in jobs_won]
    assert sorted(won) == sorted(job_ids)
    with book.transaction() as session:
        assert session.scalar(select(func.count()).select_from(JobAttempt)) == len(job_ids)


def test_claim_makes_the_job_this_workers(book: Book) -> None:
    claim = book.training(worker="w-7")
    job = book.get(claim.job_id)
    assert (job.status, job.attempt, job.worker, job.lease_token) == (JobStatus.RUNNING, 1, "w-7", claim.lease_token)
    assert job.started_at is not None
    assert job.lease_expires_at is not None
    assert (job.lease_expires_at - job.started_at).total_seconds() == claim.lease_seconds
    assert 0 <= claim.queue_seconds < 60


@pytest.mark.parametrize("status", [status for status in JobStatus if status is not JobStatus.QUEUED])
def test_message_of_a_job_that_is_not_queued_is_dropped(book: Book, status: JobStatus) -> None:
    job_id = book.job_in(status)
    before = book.get(job_id).version
    with book.transaction() as session:
        assert leases.claim(session, job_id, "late", 30) is None
    assert book.get(job_id).version == before


def test_a_claim_reads_the_queue_no_further_than_it_must_even_when_statistics_are_old(book: Book) -> None:
    model = book.model()
    with book.transaction() as session:  # the statistics say that nothing waits
        session.execute(text("ANALYZE jobs"))
    with book.transaction() as session:
        rows = [jobs.new_row(JobKind.SOLVE, {}, model_id=model) for _ in range(1000)]
        jobs.insert_rows(session, rows)
    read = text(
        "SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid)) FROM pg_index WHERE indrelid = 'jobs'::regclass"
    )
    counts = list[int]()
    for _ in range(20):  # a connection plans a statement anew some ten times before it keeps a plan
        with book.transaction() as session:
            assert leases.claim_next(session, JobKind.SOLVE, rows[0]["id"], "w", 30) is not None
            counts.append(int(session.scalar(read) or 0))
    assert counts[-1] - counts[-6] < 50  # of the 1000 that wait, in five claims


def test_message_of_an_unknown_job_is_dropped(book: Book) -> None:
    with book.transaction() as session:
        assert leases.claim(session, "job_unknown", "w", 30) is None


def test_job_is_not_claimed_before_its_pause_is_over(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        completion.retry(session, claim, DEAD)
    with book.transaction() as session:
        assert leases.claim(session, claim.job_id, "hasty", 30) is None


def _rows(book: Book) -> dict[str, Any]:
    with book.transaction() as session:
        tables = Base.metadata.sorted_tables
        return {
            table.name: [tuple(row) for row in session.execute(table.select().order_by(*table.primary_key))]
            for table in tables
        }


@pytest.mark.parametrize("name", WRITES)
def test_write_with_a_stale_token_changes_nothing(book: Book, name: str) -> None:
    stale = book.training(lease_seconds=0.01)
    time.sleep(0.05)
    with book.transaction() as session:
        assert len(rescue.rescue_expired(session)) == 1
    _make_available(book, stale.job_id)
    book.claim(stale.job_id, worker="worker-2")
    before = _rows(book)
    with pytest.raises(StaleLease), book.transaction() as session:
        WRITES[name](session, stale)
    assert _rows(book) == before


@pytest.mark.parametrize("name", WRITES)
def test_write_after_the_end_changes_nothing(book: Book, name: str) -> None:
    claim = book.training()
    book.finish(claim)
    before = _rows(book)
    with pytest.raises(StaleLease), book.transaction() as session:
        WRITES[name](session, claim)
    assert _rows(book) == before


@pytest.mark.parametrize("name", WRITES)
def test_write_with_the_token_is_accepted(book: Book, name: str) -> None:
    claim = book.training()
    with book.transaction() as session:
        WRITES[name](session, claim)


def test_heartbeat_extends_the_lease_and_counts_only_visible_changes(book: Book) -> None:
    claim = book.training()
    first = book.get(claim.job_id)
    with book.transaction() as session:
        assert leases.heartbeat(session, claim) == leases.JobSignals()
    silent = book.get(claim.job_id)
    with book.transaction() as session:
        leases.heartbeat(session, claim, step=7)
    moved = book.get(claim.job_id)
    assert first.lease_expires_at is not None
    assert silent.lease_expires_at is not None
    assert silent.lease_expires_at > first.lease_expires_at
    assert silent.version == first.version
    assert (moved.step, moved.version) == (7, first.version + 1)


def test_heartbeat_touches_no_index(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        leases.heartbeat(session, claim, step=7, pace=leases.Pace(0.5, 60.0))
        in_place = select(func.pg_stat_get_xact_tuples_hot_updated(func.to_regclass("jobs")))
        assert session.scalar(in_place) == 1


def test_heartbeat_brings_the_order_to_cancel(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        jobs.request_cancel(session, EVERYTHING, claim.job_id)
    with book.transaction() as session:
        assert leases.heartbeat(session, claim).cancel


def test_attempts_grow_strictly_and_are_kept(book: Book) -> None:
    job_id = book.train().id
    for number in (1, 2):
        claim = book.claim(job_id, worker=f"worker-{number}")
        assert claim.attempt == number
        with book.transaction() as session:
            completion.retry(session, claim, DEAD)
        _make_available(book, job_id)
    book.finish(book.claim(job_id))
    with book.transaction() as session:
        rows = attempts.of_job(session, EVERYTHING, job_id)
    assert [(row.attempt, row.outcome, row.error_code) for row in rows] == [
        (1, "retried", "trainer_died"),
        (2, "retried", "trainer_died"),
        (3, "succeeded", None),
    ]
    assert all(row.ended_at is not None for row in rows)


def _make_available(book: Book, job_id: str) -> None:
    with book.transaction() as session:
        session.get_one(Job, job_id).available_at = func.now()
