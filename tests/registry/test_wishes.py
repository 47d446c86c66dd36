"""What the owner of a job may ask for: that it goes first, waits or works no longer than so, rests, and starts again."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, update

from services.registry.db.tables import Job, JobAttempt
from services.registry.errors import JobFinished, TransitionRefused
from services.registry.jobs import attempts, completion, job_events, jobs, leases, rescue
from services.registry.states import JobKind, JobStatus, Outcome
from tests.registry.conftest import DEAD, Book

ATTEMPTS = 3


def next_job(book: Book, nudge: str = "job_unknown") -> str | None:
    with book.transaction() as session:
        claim = leases.claim_next(session, JobKind.TRAIN, nudge, "worker-1", 30)
    return claim.job_id if claim else None


def ran(book: Book, job_id: str, seconds: float) -> None:
    """The attempts at a job began so long ago."""
    earlier = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    with book.transaction() as session:
        session.execute(update(JobAttempt).where(JobAttempt.job_id == job_id).values(started_at=earlier))
        session.execute(update(Job).where(Job.id == job_id).values(available_at=func.now()))


def test_the_highest_priority_goes_first_and_then_the_longest_wait(book: Book) -> None:
    first, low, second, high = (book.train(priority=priority).id for priority in (0, -10, 0, 10))
    solve = book.solve()  # has a training of its own in a worker's hands
    assert [next_job(book, low) for _ in range(5)] == [high, first, second, low, None]
    assert book.get(solve.id).status is JobStatus.QUEUED


def test_a_nudge_waits_for_its_job_while_all_others_are_locked(book: Book) -> None:
    job = book.train()
    with ThreadPoolExecutor(1) as pool, book.transaction() as session:
        session.execute(update(Job).where(Job.id == job.id).values(published_at=func.now()))  # as its announcer does
        found = pool.submit(next_job, book, job.id)
        session.commit()
        assert found.result(10) == job.id


def test_workers_at_once_get_different_jobs(book: Book) -> None:
    made = {book.train(priority=priority).id for priority in range(8)}
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda nudge: next_job(book, nudge), sorted(made)))
    assert sorted(filter(None, found)) == sorted(made)


def test_a_job_that_waits_too_long_fails_and_stays_recorded(book: Book) -> None:
    late, patient = book.train(ttl_seconds=60), book.train()
    with book.transaction() as session:
        assert rescue.fail_expired(session) == []
        session.execute(update(Job).where(Job.id == late.id).values(expires_at=func.now()))
    assert next_job(book) == patient.id
    with book.transaction() as session:
        assert [job.id for job in rescue.fail_expired(session)] == [late.id]
    job = book.get(late.id)
    assert (job.status, job.error_code, job.attempt) == (JobStatus.FAILED, "job_expired", 0)


def test_only_waiting_expires(book: Book) -> None:
    job = book.train(ttl_seconds=60)
    claim = book.claim(job.id)
    assert book.get(job.id).expires_at is None
    with book.transaction() as session:
        completion.retry(session, claim, DEAD)
    assert book.get(job.id).expires_at is None


def test_time_of_work_is_summed_over_attempts(book: Book) -> None:
    job = book.train(timeout_seconds=100)
    claim = book.claim(job.id)
    with book.transaction() as session:
        assert not leases.heartbeat(session, claim).overdue
        completion.release(session, claim)
    ran(book, job.id, 70)
    claim = book.claim(job.id)
    row = book.get(job.id)
    assert row.deadline_at is not None
    assert row.started_at is not None
    assert 29 < (row.deadline_at - row.started_at).total_seconds() < 31
    with book.transaction() as session:
        completion.release(session, claim)
    ran(book, job.id, 70)
    claim = book.claim(job.id)
    with book.transaction() as session:
        assert leases.heartbeat(session, claim).overdue


def test_a_job_that_is_overdue_when_its_worker_falls_silent_has_timed_out(book: Book) -> None:
    job = book.train(timeout_seconds=100)
    book.claim(job.id)
    with book.transaction() as session:
        past = {"lease_expires_at": func.to_timestamp(0), "deadline_at": func.to_timestamp(0)}
        session.execute(update(Job).where(Job.id == job.id).values(past))
        rescue.rescue_expired(session)
    row = book.get(job.id)
    assert (row.status, row.error_code) == (JobStatus.FAILED, "job_timed_out")


def test_a_queued_job_pauses_at_once_and_resumes(book: Book) -> None:
    job = book.train(ttl_seconds=60)
    with book.transaction() as session:
        assert jobs.request_pause(session, job.id).status is JobStatus.PAUSED
        assert jobs.request_pause(session, job.id).status is JobStatus.PAUSED
    assert next_job(book, job.id) is None
    assert book.get(job.id).expires_at is None
    with book.transaction() as session:
        resumed = jobs.resume(session, job.id)
    assert (resumed.status, resumed.published_at) == (JobStatus.QUEUED, None)
    assert resumed.expires_at is not None
    assert next_job(book) == job.id


def test_a_running_job_pauses_when_its_worker_lets_go_and_keeps_its_attempts(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        assert jobs.request_pause(session, claim.job_id).status is JobStatus.RUNNING
        assert leases.heartbeat(session, claim, 7) == leases.JobSignals(pause=True)
        assert completion.release(session, claim) is JobStatus.PAUSED
    with book.transaction() as session:
        assert jobs.resume(session, claim.job_id).step == 7
    assert book.claim(claim.job_id).attempt == 2
    with book.transaction() as session:
        tried = attempts.of_job(session, claim.job_id)
        events = [event.type for event in job_events.after(session, claim.job_id)]
    assert [row.outcome for row in tried] == [Outcome.RELEASED, None]
    assert events == ["paused", "resumed"]


def test_a_pause_can_be_withdrawn_before_the_worker_has_let_go(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        jobs.request_pause(session, claim.job_id)
        jobs.resume(session, claim.job_id)
        assert leases.heartbeat(session, claim) == leases.JobSignals()
        assert completion.release(session, claim) is JobStatus.QUEUED


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED])
def test_an_ended_job_is_retried_with_fresh_attempts(book: Book, status: JobStatus) -> None:
    job_id = book.job_in(status)
    with book.transaction() as session:
        job = jobs.retry(session, job_id, ATTEMPTS)
    assert (job.status, job.attempt, job.max_attempts) == (JobStatus.QUEUED, 1, 1 + ATTEMPTS)
    assert (job.error_code, job.finished_at, job.cancel_requested_at) == (None, None, None)
    for number in range(2, 2 + ATTEMPTS):
        ran(book, job_id, 0)
        claim = book.claim(job_id)
        assert claim.attempt == number
        with book.transaction() as session:
            completion.retry(session, claim, DEAD)
    assert book.get(job_id).status is JobStatus.FAILED


def test_a_retry_gives_the_whole_time_again(book: Book) -> None:
    job = book.train(timeout_seconds=100)
    book.finish(book.claim(job.id), JobStatus.FAILED)
    ran(book, job.id, 500)
    with book.transaction() as session:
        jobs.retry(session, job.id, ATTEMPTS)
    with book.transaction() as session:
        claim = leases.claim(session, job.id, "worker-2", 30)
        assert claim is not None
        assert not leases.heartbeat(session, claim).overdue


@pytest.mark.parametrize("status", [*JobStatus])
def test_moves_that_are_not_legal_are_refused(book: Book, status: JobStatus) -> None:
    job_id = book.job_in(status)
    before = book.get(job_id).version
    if status not in (JobStatus.FAILED, JobStatus.CANCELLED):
        with pytest.raises(TransitionRefused, match=status.value), book.transaction() as session:
            jobs.retry(session, job_id, ATTEMPTS)
    if status is not JobStatus.PAUSED:
        with pytest.raises(TransitionRefused, match=status.value), book.transaction() as session:
            jobs.resume(session, job_id)
    if status.is_final:
        with pytest.raises(JobFinished), book.transaction() as session:
            jobs.request_pause(session, job_id)
    assert book.get(job_id).version == before


def test_what_is_being_cancelled_cannot_be_paused(book: Book) -> None:
    claim = book.training()
    with book.transaction() as session:
        jobs.request_pause(session, claim.job_id)
        assert jobs.request_cancel(session, claim.job_id).pause_requested_at is None
    with pytest.raises(TransitionRefused, match="cancelled"), book.transaction() as session:
        jobs.request_pause(session, claim.job_id)
