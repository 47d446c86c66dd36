"""Silent workers lose their jobs; lost messages are sent again."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from sqlalchemy import func

from services.registry.access.visibility import EVERYTHING
from services.registry.db.tables import Job
from services.registry.errors import WorkerLost
from services.registry.jobs import attempts, jobs, leases, rescue
from services.registry.jobs.leases import Claim
from services.registry.jobs.queue import Announcement
from services.registry.states import MOST_INTERRUPTIONS, JobKind, JobStatus, Outcome
from tests.registry.conftest import Book

HOUR = 3600.0


def _silent(book: Book, max_attempts: int = 3) -> Claim:
    claim = book.claim(book.train(max_attempts).id, lease_seconds=0.01)
    time.sleep(0.05)
    return claim


def _rescue(book: Book) -> list[rescue.Rescue]:
    with book.transaction() as session:
        return rescue.rescue_expired(session)


def _stale(book: Book, republish_seconds: float = HOUR) -> list[Announcement]:
    with book.transaction() as session:
        again = [rescue.long_announced(session, kind, republish_seconds, limit=1000) for kind in JobKind]
        return [*rescue.never_announced(session), *chain.from_iterable(again)]


def test_silent_workers_job_is_queued_again(book: Book) -> None:
    claim = _silent(book)
    (rescued,) = _rescue(book)
    assert (rescued.job_id, rescued.worker, rescued.status) == (claim.job_id, "worker-1", JobStatus.QUEUED)
    with book.transaction() as session:
        (attempt,) = attempts.of_job(session, EVERYTHING, claim.job_id)
    assert (attempt.outcome, attempt.error_code) == (Outcome.LOST, WorkerLost.code)
    assert _rescue(book) == []


def test_worker_that_beats_keeps_its_job(book: Book) -> None:
    claim = book.training(lease_seconds=30)
    for _ in range(2):
        with book.transaction() as session:
            session.get_one(Job, claim.job_id).lease_expires_at = func.now()  # as after 30 seconds
            leases.heartbeat(session, claim)
        assert _rescue(book) == []


def test_job_that_has_lost_its_worker_too_often_in_a_row_fails(book: Book) -> None:
    claim = _silent(book, max_attempts=1)
    for _ in range(MOST_INTERRUPTIONS - 1):
        (rescued,) = _rescue(book)
        assert rescued.status is JobStatus.QUEUED
        with book.transaction() as session:
            session.get_one(Job, claim.job_id).available_at = func.now()
        book.claim(claim.job_id, lease_seconds=0.01)
        time.sleep(0.05)
    (rescued,) = _rescue(book)
    job = book.get(claim.job_id)
    assert (rescued.status, job.status, job.error_code) == (JobStatus.FAILED, JobStatus.FAILED, WorkerLost.code)
    assert job.error_message is not None
    assert "worker-1" in job.error_message


def test_unwanted_job_of_a_silent_worker_is_cancelled(book: Book) -> None:
    claim = _silent(book)
    with book.transaction() as session:
        jobs.request_cancel(session, EVERYTHING, claim.job_id)
    assert _rescue(book)[0].status is JobStatus.CANCELLED


def test_two_reapers_rescue_each_job_once(book: Book) -> None:
    lost = {_silent(book).job_id for _ in range(6)}
    with ThreadPoolExecutor(2) as pool:
        found = [rescued.job_id for rescues in pool.map(lambda _: _rescue(book), range(2)) for rescued in rescues]
    assert sorted(found) == sorted(lost)


def test_job_without_a_message_is_announced_until_it_is_marked(book: Book) -> None:
    job = book.train()
    assert _stale(book) == [Announcement(job.id, JobKind.TRAIN)]
    with book.transaction() as session:
        rescue.mark_published(session, [job.id])
    assert _stale(book) == []


def test_job_whose_message_is_old_is_announced_again(book: Book) -> None:
    job = book.train()
    with book.transaction() as session:
        rescue.mark_published(session, [job.id])
    time.sleep(0.05)
    assert [found.job_id for found in _stale(book, 0.01)] == [job.id]


def test_claimed_and_finished_jobs_are_not_announced(book: Book) -> None:
    for status in JobStatus:
        if status is not JobStatus.QUEUED:
            book.job_in(status)
    assert _stale(book) == []


def test_rescued_job_is_announced_when_its_pause_is_over(book: Book) -> None:
    claim = _silent(book)
    _rescue(book)
    assert _stale(book) == []
    with book.transaction() as session:
        session.get_one(Job, claim.job_id).available_at = func.now()
    assert [found.job_id for found in _stale(book)] == [claim.job_id]
