"""The line that jobs stand in: lengths, places, and how long it takes, for every caller."""

from datetime import timedelta

import pytest
from sqlalchemy import text, update

from services.registry.access.visibility import EVERYTHING, AccessScope
from services.registry.db.database import Database
from services.registry.db.tables import Job
from services.registry.jobs import jobs, presence, waiting
from services.registry.jobs.presence import Presence
from services.registry.jobs.requirements import Capabilities
from services.registry.states import JobKind
from tests.registry.conftest import Book


def worker(book: Book, name: str = "w:1", role: str = "train", concurrency: int = 1) -> None:
    with book.transaction() as session:
        presence.record(session, Presence(name, role, "10.0.0.1:9100", 2, Capabilities("cpu"), concurrency))


def line(book: Book, kind: JobKind = JobKind.TRAIN) -> waiting.Line:
    with book.transaction() as session:
        [found] = [one for one in waiting.lines(session) if one.kind is kind]
    return found


def finish_after(book: Book, seconds: int) -> None:
    claim = book.training()
    book.finish(claim)
    with book.transaction() as session:
        begun = Job.finished_at - timedelta(seconds=seconds)
        session.execute(update(Job).where(Job.id == claim.job_id).values(started_at=begun))


def test_the_place_in_line_is_that_of_the_next_claims(book: Book) -> None:
    ids = [book.train(priority=priority).id for priority in (0, 0, 7, -1)]
    running = book.claim(ids[0]).job_id
    others = [book.solve().id for _ in range(2)]
    with book.transaction() as session:
        found = waiting.positions(session, [*ids, *others, "job_unknown"])
    assert found == {ids[2]: 1, ids[1]: 2, ids[3]: 3, others[0]: 1, others[1]: 2}
    assert running not in found


def test_one_owner_stands_behind_another(book: Book, database: Database) -> None:
    first, second = book.train().id, book.train().id
    with book.transaction() as session:
        session.execute(update(Job).where(Job.id == second).values(owner="bob"))
    with database.transaction() as session:
        assert waiting.positions(session, [second]) == {second: 2}
        assert jobs.page(session, AccessScope("bob")).items[0].id == second
        train, *_ = waiting.lines(session)
    assert train.queued.jobs == 2
    assert first != second


def test_the_line_counts_what_waits_and_what_runs(book: Book) -> None:
    worker(book)
    book.training()
    waits = [book.train().id for _ in range(2)]
    with book.transaction() as session:
        session.execute(text("UPDATE jobs SET available_at = now() - interval '90 s' WHERE id = :id"), {"id": waits[1]})
    found = line(book)
    assert (found.queued.jobs, found.running.jobs, found.concurrency) == (2, 1, 1)
    assert 90 <= found.queued.oldest_seconds < 120
    assert line(book, JobKind.SOLVE).queued == waiting.NONE


@pytest.mark.parametrize(("workers", "wait"), [(1, 210), (2, 105)])
def test_the_wait_is_the_work_that_is_left_shared_by_the_workers(book: Book, workers: int, wait: float) -> None:
    for number in range(workers):
        worker(book, f"w:{number}")
    finish_after(book, 100)  # so long takes what nothing is said of
    running = book.training()
    book.train()
    with book.transaction() as session:
        session.execute(update(Job).where(Job.id == running.job_id).values(eta_seconds=60))
        estimated = book.train().id
        session.execute(update(Job).where(Job.id == estimated).values(estimate={"seconds": 50.0}))
    assert line(book).wait_seconds == pytest.approx(wait)


def test_a_free_worker_takes_a_job_at_once_and_none_never(book: Book) -> None:
    assert line(book).wait_seconds is None
    worker(book)
    assert line(book).wait_seconds == 0.0
    book.train()
    assert line(book).wait_seconds is None  # nothing has ever finished here
    with book.transaction() as session:
        session.execute(text("UPDATE workers SET seen_at = now() - interval '2 minutes'"))
    assert (line(book).concurrency, line(book).wait_seconds) == (0, None)


def test_what_each_worker_has_in_hand_is_counted(book: Book) -> None:
    book.training(worker="a")
    book.training(worker="a")
    book.training(worker="b")
    book.train()
    with book.transaction() as session:
        assert {worker: len(held) for worker, held in jobs.in_hand(session, EVERYTHING).items()} == {"a": 2, "b": 1}


def test_evaluations_have_half_of_the_places(book: Book) -> None:
    for name, concurrency in (("a:1", 32), ("b:1", 1)):
        worker(book, name, "solve", concurrency)
    assert (line(book, JobKind.SOLVE).concurrency, line(book, JobKind.EVALUATE).concurrency) == (33, 17)
    assert [waiting.evaluations_at_once(places) for places in (1, 2, 3, 32)] == [1, 1, 1, 16]
