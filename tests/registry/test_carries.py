"""Carries are kept for a stated time and size, and as long as a job continues from them."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from services.registry.access.visibility import EVERYTHING, AccessScope
from services.registry.db.tables import KeptCarry
from services.registry.errors import CarryExpired, JobNotContinuable, JobNotFound, StaleLease
from services.registry.jobs import carries, jobs, solutions
from services.registry.states import JobKind, JobStatus
from tests.fresh import new_job
from tests.registry.conftest import Book

KIB = 1024


def solved(
    book: Book, found: Mapping[int, bytes], *, owner: str = "local", hours_ago: float = 0, steps: int = 16
) -> str:
    """A solve job that has succeeded and left these carries."""
    model = book.model()
    with book.transaction() as session:
        request = {"model": model, "puzzles": ["."] * len(found), "keep_carry": True}
        job_id = new_job(session, JobKind.SOLVE, request, model_id=model, owner=owner).id
    claim = book.claim(job_id)
    fixed = {
        "question": ".",
        "answer": "1",
        "verified": None,
        "halt_probability": 0.5,
        "total_steps": steps,
        "steps": steps,
    }
    rest = {"reason": "budget", "chosen_by": "only", "chain": 0, "votes": 1, "chains": 1, "trace": None}
    with book.transaction() as session:
        solutions.add(session, claim, [{"index": index, **fixed, **rest} for index in found])
        carries.add(session, claim, found)
    book.finish(claim)
    with book.transaction() as session:
        moment = func.now() - timedelta(hours=hours_ago)
        session.execute(update(KeptCarry).where(KeptCarry.job_id == job_id).values(created_at=moment))
    return job_id


def remove(book: Book, *, hours: float = 0, most_bytes: int = 0, batch: int = 100) -> int:
    with book.transaction() as session:
        return carries.remove(session, hours=hours, most_bytes=most_bytes, batch=batch)


def kept(book: Book, *job_ids: str) -> list[bool]:
    found = []
    for job_id in job_ids:
        try:
            with book.transaction() as session:
                found.append(bool(carries.load(session, EVERYTHING, job_id)))
        except CarryExpired:
            found.append(False)
    return found


def test_carries_are_found_in_the_order_of_the_puzzles(book: Book) -> None:
    job_id = solved(book, {2: b"two", 0: b"\x00\xff", 1: b"one"})
    with book.transaction() as session:
        assert carries.load(session, EVERYTHING, job_id) == [b"\x00\xff", b"one", b"two"]


def test_another_attempt_replaces_them_and_a_lost_one_writes_nothing(book: Book) -> None:
    claim = book.claim(book.solve().id, lease_seconds=0.0)
    with book.transaction() as session:
        carries.add(session, claim, {0: b"first", 1: b"stays"})
        carries.add(session, claim, {0: b"again"})
        assert carries.load(session, EVERYTHING, claim.job_id) == [b"again", b"stays"]
    book.finish(claim)
    with pytest.raises(StaleLease), book.transaction() as session:
        carries.add(session, claim, {0: b"late"})


def test_only_a_solve_that_succeeded_and_kept_its_carry_can_be_continued(book: Book) -> None:
    job_id, training, queued = solved(book, {0: b"x"}, steps=7), book.train().id, book.solve().id
    with book.transaction() as session:
        request, steps = carries.require_continuable(session, EVERYTHING, job_id)
        assert (request["puzzles"], steps) == (["."], 7)
        for other, why in ((training, "no solve job"), (queued, "is queued")):
            with pytest.raises(JobNotContinuable, match=why):
                carries.require_continuable(session, EVERYTHING, other)
    claim = book.claim(queued)
    book.finish(claim, JobStatus.SUCCEEDED)
    with pytest.raises(JobNotContinuable, match="without `keep_carry`"), book.transaction() as session:
        carries.require_continuable(session, EVERYTHING, queued)


def test_another_owner_finds_nothing(book: Book) -> None:
    job_id, bob = solved(book, {0: b"x"}, owner="alice"), AccessScope("bob")
    with book.transaction() as session:
        with pytest.raises(JobNotFound):
            carries.require_continuable(session, bob, job_id)
        with pytest.raises(CarryExpired):
            carries.load(session, bob, job_id)
        assert carries.load(session, AccessScope("alice"), job_id) == [b"x"]


def test_old_ones_are_removed(book: Book) -> None:
    old, new = solved(book, {0: b"x", 1: b"y"}, hours_ago=3), solved(book, {0: b"x"}, hours_ago=1)
    assert remove(book) == 0
    assert remove(book, hours=2) == 1
    assert kept(book, old, new) == [False, True]
    with pytest.raises(CarryExpired, match="has been removed"), book.transaction() as session:
        carries.require_continuable(session, EVERYTHING, old)
    with book.transaction() as session:
        assert solutions.get(session, EVERYTHING, old, 1).answer == "1"  # the answers stay


def test_beyond_the_limit_of_bytes_the_oldest_go_first(book: Book) -> None:
    job_ids = [solved(book, {0: bytes(KIB), 1: bytes(KIB)}, hours_ago=hours) for hours in (4, 3, 2, 1)]
    assert remove(book, most_bytes=5 * KIB, batch=1) == 1
    assert kept(book, *job_ids) == [False, True, True, True]
    assert [remove(book, most_bytes=5 * KIB, batch=1) for _ in range(2)] == [1, 0]
    assert kept(book, *job_ids) == [False, False, True, True]


def test_what_a_job_continues_from_stays_until_it_has_ended(book: Book) -> None:
    earlier = solved(book, {0: b"x"}, hours_ago=3)
    with book.transaction() as session:
        row = jobs.get(session, EVERYTHING, earlier)
        later = new_job(session, JobKind.SOLVE, {}, model_id=row.model_id, continues=earlier).id
    assert remove(book, hours=2, most_bytes=1) == 0
    book.finish(book.claim(later))
    assert remove(book, hours=2) == 1
