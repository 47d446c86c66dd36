"""How a job leaves a worker's hands."""

import pytest

from services.registry.jobs import attempts, endings, job_events, jobs, leases, rescue
from services.registry.jobs.moves import Failure
from services.registry.states import JobStatus, Outcome
from tests.registry.conftest import DEAD, Book


def test_success_is_final_and_kept(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        leases.heartbeat(session, claim, step=9)
        endings.finish(session, claim, JobStatus.SUCCEEDED, result={"n": 1})
    job = book.get(claim.job_id)
    assert (job.status, job.result, job.lease_token, job.error_code) == (JobStatus.SUCCEEDED, {"n": 1}, None, None)
    assert job.finished_at is not None
    with book.transaction() as session:
        (attempt,) = attempts.of_job(session, claim.job_id)
    assert (attempt.outcome, attempt.last_step) == (Outcome.SUCCEEDED, 9)


def test_failure_has_a_code_and_a_sentence(book: Book) -> None:
    job = book.get(book.job_in(JobStatus.FAILED))
    assert (job.status, job.error_code, job.error_message) == (JobStatus.FAILED, DEAD.code, DEAD.message)


@pytest.mark.parametrize(("status", "failure"), [(JobStatus.FAILED, None), (JobStatus.SUCCEEDED, DEAD)])
def test_failure_belongs_to_a_failed_job_only(book: Book, status: JobStatus, failure: Failure | None) -> None:
    claim = book.training()
    with pytest.raises(ValueError, match="failure"), book.transaction() as session:
        endings.finish(session, claim, status, failure=failure)


@pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED])
def test_the_end_is_one_event(book: Book, status: JobStatus) -> None:
    job_id = book.job_in(status)
    with book.transaction() as session:
        done = [event.data for event in job_events.after(session, job_id) if event.type == "done"]
    assert done == [{"status": status.value}]


def test_last_attempt_that_breaks_fails_the_job(book: Book) -> None:
    claim = book.claim(book.train(max_attempts=1).id)
    with book.transaction() as session:
        assert endings.retry(session, claim, DEAD) is JobStatus.FAILED
    job = book.get(claim.job_id)
    assert (job.status, job.error_code) == (JobStatus.FAILED, DEAD.code)


def test_earlier_attempt_that_breaks_queues_the_job_after_a_pause(book: Book) -> None:
    job_id = book.train().id
    with book.transaction() as session:
        rescue.mark_published(session, [job_id])
    claim = book.claim(job_id)
    with book.transaction() as session:
        assert endings.retry(session, claim, DEAD) is JobStatus.QUEUED
    job = book.get(claim.job_id)
    assert job.error_code is None
    assert job.published_at is None
    assert job.started_at is not None
    assert (job.available_at - job.started_at).total_seconds() >= 1


def test_broken_attempt_of_an_unwanted_job_cancels_it(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        jobs.request_cancel(session, claim.job_id)
        assert endings.retry(session, claim, DEAD) is JobStatus.CANCELLED
    assert book.get(claim.job_id).error_code is None


def test_released_job_can_be_claimed_at_once_and_has_lost_no_attempt(book: Book) -> None:
    job_id = book.train(max_attempts=1).id
    for _ in range(3):
        claim = book.claim(job_id)
        with book.transaction() as session:
            assert endings.release(session, claim) is JobStatus.QUEUED
    last = book.claim(job_id)
    assert (last.attempt, last.max_attempts) == (4, 4)
    with book.transaction() as session:
        assert endings.retry(session, last, DEAD) is JobStatus.FAILED


def test_released_job_that_nobody_wants_is_cancelled(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        jobs.request_cancel(session, claim.job_id)
    with book.transaction() as session:
        assert endings.release(session, claim) is JobStatus.CANCELLED


def test_success_beats_a_late_request_to_cancel(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        jobs.request_cancel(session, claim.job_id)
    book.finish(claim)
    assert book.get(claim.job_id).status is JobStatus.SUCCEEDED
