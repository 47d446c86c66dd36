"""How a job leaves a worker's hands."""

import pytest
from sqlalchemy import func

from services.registry.db.tables import Job
from services.registry.jobs import attempts, completion, job_events, jobs, leases, rescue
from services.registry.jobs.transitions import Failure
from services.registry.runs import checkpoints
from services.registry.states import MOST_INTERRUPTIONS, JobStatus, Outcome, UncountedReason
from tests.registry.conftest import DEAD, Book


def test_success_is_final_and_kept(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        leases.heartbeat(session, claim, step=9)
        completion.finish(session, claim, JobStatus.SUCCEEDED, result={"n": 1})
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
        completion.finish(session, claim, status, failure=failure)


@pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED])
def test_the_end_is_one_event(book: Book, status: JobStatus) -> None:
    job_id = book.job_in(status)
    with book.transaction() as session:
        done = [event.data for event in job_events.after(session, job_id) if event.type == "done"]
    assert done == [{"status": status.value}]


def test_last_attempt_that_breaks_fails_the_job(book: Book) -> None:
    claim = book.claim(book.train(max_attempts=1).id)
    with book.transaction() as session:
        assert completion.retry(session, claim, DEAD) is JobStatus.FAILED
    job = book.get(claim.job_id)
    assert (job.status, job.error_code) == (JobStatus.FAILED, DEAD.code)


def test_earlier_attempt_that_breaks_queues_the_job_after_a_pause(book: Book) -> None:
    job_id = book.train().id
    with book.transaction() as session:
        rescue.mark_published(session, [job_id])
    claim = book.claim(job_id)
    with book.transaction() as session:
        assert completion.retry(session, claim, DEAD) is JobStatus.QUEUED
    job = book.get(claim.job_id)
    assert job.error_code is None
    assert job.published_at is None
    assert job.started_at is not None
    assert (job.available_at - job.started_at).total_seconds() >= 1


def test_broken_attempt_of_an_unwanted_job_cancels_it(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        jobs.request_cancel(session, claim.job_id)
        assert completion.retry(session, claim, DEAD) is JobStatus.CANCELLED
    assert book.get(claim.job_id).error_code is None


def test_released_job_can_be_claimed_at_once_and_has_lost_no_attempt(book: Book) -> None:
    job_id = book.train(max_attempts=1).id
    for _ in range(3):
        claim = book.claim(job_id)
        with book.transaction() as session:
            assert completion.release(session, claim) is JobStatus.QUEUED
    last = book.claim(job_id)
    assert (last.attempt, last.max_attempts) == (4, 4)
    with book.transaction() as session:
        assert completion.retry(session, last, DEAD) is JobStatus.FAILED


def test_released_job_that_was_being_cancelled_is_cancelled(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        jobs.request_cancel(session, claim.job_id)
    with book.transaction() as session:
        assert completion.release(session, claim) is JobStatus.CANCELLED


def test_success_beats_a_late_request_to_cancel(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        jobs.request_cancel(session, claim.job_id)
    book.finish(claim)
    assert book.get(claim.job_id).status is JobStatus.SUCCEEDED


CUT_OFF = Failure("database_unavailable", "The database does not answer: canceling statement due to statement timeout")


def attempt(book: Book, job_id: str, failure: Failure, checkpoint: int | None = None) -> tuple[JobStatus, float]:
    """One more attempt, which leaves a checkpoint at this step and then breaks down: where that leads, after which pause."""
    with book.transaction() as session:
        session.get_one(Job, job_id).available_at = func.now()
    claim = book.claim(job_id)
    with book.transaction() as session:
        if checkpoint is not None:
            checkpoints.add(
                session, claim, step=checkpoint, url=f"memory://{claim.attempt}", digest="d", size=1, metrics={}
            )
        status = completion.retry(session, claim, failure)
    job = book.get(job_id)
    assert job.started_at is not None
    return status, round((job.available_at - job.started_at).total_seconds(), 1)


def uncounted(book: Book, job_id: str) -> list[UncountedReason | None]:
    with book.transaction() as session:
        return [tried.uncounted for tried in attempts.of_job(session, job_id)]


def test_attempts_that_made_progress_do_not_count_and_those_without_end_a_poison_job(book: Book) -> None:
    job_id = book.train(max_attempts=2).id
    for step in (10, 20, 30, 40, 50):
        status, pause = attempt(book, job_id, DEAD, checkpoint=step)
        assert (status, int(pause)) == (JobStatus.QUEUED, 1)
    status, pause = attempt(book, job_id, DEAD)
    assert (status, int(pause)) == (JobStatus.QUEUED, 1)
    assert attempt(book, job_id, DEAD)[0] is JobStatus.FAILED
    assert uncounted(book, job_id) == [UncountedReason.PROGRESS] * 5 + [None] * 2


def test_a_checkpoint_where_one_was_before_is_no_progress(book: Book) -> None:
    job_id = book.train(max_attempts=2).id
    attempt(book, job_id, DEAD, checkpoint=10)
    assert attempt(book, job_id, DEAD, checkpoint=10)[0] is JobStatus.QUEUED
    assert attempt(book, job_id, DEAD, checkpoint=5)[0] is JobStatus.FAILED


def test_faults_of_the_infrastructure_do_not_count_but_do_not_go_on_for_ever(book: Book) -> None:
    job_id = book.train(max_attempts=1).id
    pauses = []
    for _ in range(MOST_INTERRUPTIONS - 1):
        status, pause = attempt(book, job_id, CUT_OFF)
        assert status is JobStatus.QUEUED
        pauses.append(int(pause))
    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert attempt(book, job_id, CUT_OFF)[0] is JobStatus.FAILED
    job = book.get(job_id)
    assert job.error_code == CUT_OFF.code
    assert f"{MOST_INTERRUPTIONS} times in a row" in (job.error_message or "")


def test_progress_forgives_interruptions(book: Book) -> None:
    job_id = book.train(max_attempts=1).id
    for step in (None, None, 10, None):
        assert attempt(book, job_id, CUT_OFF, checkpoint=step)[0] is JobStatus.QUEUED
    infrastructure, progress = UncountedReason.INFRASTRUCTURE, UncountedReason.PROGRESS
    assert uncounted(book, job_id) == [infrastructure, infrastructure, progress, infrastructure]
    assert int(attempt(book, job_id, CUT_OFF)[1]) == 2


def test_a_solve_job_makes_no_progress(book: Book) -> None:
    job_id = book.solve().id
    assert [attempt(book, job_id, DEAD)[0] for _ in range(3)] == [JobStatus.QUEUED, JobStatus.QUEUED, JobStatus.FAILED]
    other = book.solve().id
    assert {attempt(book, other, CUT_OFF)[0] for _ in range(5)} == {JobStatus.QUEUED}


def test_the_event_says_why_an_attempt_does_not_count(book: Book) -> None:
    job_id = book.train().id
    attempt(book, job_id, CUT_OFF)
    with book.transaction() as session:
        (queued,) = (event.data for event in job_events.after(session, job_id) if event.type == "queued")
    assert queued == {"attempt": 1, "outcome": "retried", "code": "database_unavailable", "uncounted": "infrastructure"}
