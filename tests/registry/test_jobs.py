"""Jobs are submitted, read and cancelled."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.registry.access.visibility import EVERYTHING
from services.registry.errors import JobFinished, JobNotFound, RunNotFound
from services.registry.jobs import job_events, jobs, leases
from services.registry.runs import runs
from services.registry.states import JobKind, JobStatus
from tests.registry.conftest import Book


def test_submitted_job_waits_in_the_queue(book: Book) -> None:
    job = book.train(total_steps=100)
    assert (job.kind, job.status, job.attempt, job.total_steps) == (JobKind.TRAIN, JobStatus.QUEUED, 0, 100)
    assert job.id.startswith("job_")
    assert job.created_at.utcoffset() is not None


def test_job_of_a_run_is_found_from_the_run(book: Book) -> None:
    job = book.train()
    with book.transaction() as session:
        assert runs.get(session, EVERYTHING, job.run_id or "").job_id == job.id


@pytest.mark.parametrize("job_id", ["job_unknown", "", "job_\0", "x" * 10_000])
def test_unknown_id_is_not_found(book: Book, job_id: str) -> None:
    with book.transaction() as session:
        with pytest.raises(JobNotFound):
            jobs.get(session, EVERYTHING, job_id)
        with pytest.raises(JobNotFound):
            jobs.request_cancel(session, EVERYTHING, job_id)
        with pytest.raises(RunNotFound):
            runs.get(session, EVERYTHING, job_id)


def test_queued_job_is_cancelled_at_once(book: Book) -> None:
    job = book.train()
    with book.transaction() as session:
        cancelled = jobs.request_cancel(session, EVERYTHING, job.id)
    assert cancelled.status is JobStatus.CANCELLED
    assert cancelled.finished_at == cancelled.cancel_requested_at
    assert cancelled.version == job.version + 1
    with book.transaction() as session:
        assert [event.type for event in job_events.after(session, EVERYTHING, job.id)] == ["done"]


def test_running_job_is_asked_to_stop_once(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        asked = jobs.request_cancel(session, EVERYTHING, claim.job_id)
    assert asked.status is JobStatus.RUNNING
    assert asked.cancel_requested_at is not None
    with book.transaction() as session:
        again = jobs.request_cancel(session, EVERYTHING, claim.job_id)
    assert (again.cancel_requested_at, again.version) == (asked.cancel_requested_at, asked.version)


def test_cancelling_a_cancelled_job_changes_nothing(book: Book) -> None:
    job_id = book.job_in(JobStatus.CANCELLED)
    before = book.get(job_id)
    with book.transaction() as session:
        again = jobs.request_cancel(session, EVERYTHING, job_id)
    assert (again.id, again.status, again.version) == (job_id, JobStatus.CANCELLED, before.version)


@pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED])
def test_finished_job_cannot_be_cancelled(book: Book, status: JobStatus) -> None:
    job_id = book.job_in(status)
    before = book.get(job_id)
    with pytest.raises(JobFinished), book.transaction() as session:
        jobs.request_cancel(session, EVERYTHING, job_id)
    after = book.get(job_id)
    assert (after.version, after.status) == (before.version, before.status)


def test_cancelled_job_is_never_claimed(book: Book) -> None:
    job = book.train()
    with book.transaction() as session:
        jobs.request_cancel(session, EVERYTHING, job.id)
    with book.transaction() as session:
        assert leases.claim(session, job.id, "w", 30) is None


IMPOSSIBLE = {
    "running without a lease": "status = 'running'",
    "succeeded without an end": "status = 'succeeded'",
    "failed without a code": "status = 'failed', finished_at = now()",
    "cancelled without being asked": "status = 'cancelled', finished_at = now()",
    "queued and unwanted": "cancel_requested_at = now()",
    "more attempts than allowed": "attempt = 99",
    "training of nothing": "run_id = NULL",
    "solving with nothing": "kind = 'solve'",
    "unknown status": "status = 'resting'",
    "unknown run": "run_id = 'run_unknown'",
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_database_itself_refuses_impossible_rows(book: Book, name: str) -> None:
    job = book.train()
    with pytest.raises(IntegrityError), book.transaction() as session:
        session.execute(text(f"UPDATE jobs SET {IMPOSSIBLE[name]} WHERE id = :id"), {"id": job.id})


def test_status_is_read_without_the_rest(book: Book) -> None:
    for status in JobStatus:
        with book.transaction() as session:
            assert jobs.status_of(session, EVERYTHING, book.job_in(status)) is status
    for unknown in ("job_none", "a\0b"):
        with pytest.raises(JobNotFound), book.transaction() as session:
            jobs.status_of(session, EVERYTHING, unknown)
