"""What is old goes, in batches; what is needed stays; what was counted stays counted."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from services.registry.access import audit
from services.registry.access.audit import AuditEntry
from services.registry.access.visibility import EVERYTHING
from services.registry.db.access_tables import AuditRecord
from services.registry.db.base import Base
from services.registry.db.tables import Job, JobEvent
from services.registry.errors import JobNotFound
from services.registry.jobs import job_counts, jobs, retention
from services.registry.jobs.retention import Limits
from services.registry.runs import checkpoints
from services.registry.states import JobKind, JobStatus
from tests.registry.conftest import Book

MONTH = Limits(days=30)
BATCH = 100
SUCCEEDED, FAILED, CANCELLED = JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED


def age(book: Book, job_id: str, days: float) -> None:
    with book.transaction() as session:
        ago = func.now() - timedelta(days=days)
        session.execute(update(Job).where(Job.id == job_id, Job.finished_at.is_not(None)).values(finished_at=ago))
        session.execute(update(JobEvent).where(JobEvent.job_id == job_id).values(created_at=ago))


def solved(book: Book, days: float = 0) -> str:
    claim = book.claim(book.solve().id)
    book.finish(claim)
    age(book, claim.job_id, days)
    return claim.job_id


def remove(book: Book, kind: JobKind, limits: Limits, batch: int = BATCH) -> int:
    with book.transaction() as session:
        return retention.remove_jobs(session, kind, limits, batch)


def rows(book: Book) -> dict[str, int]:
    with book.transaction() as session:
        return {
            name: session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }


def test_an_old_solve_job_leaves_no_row(book: Book) -> None:
    book.model()
    before = rows(book)
    old = solved(book, days=31)
    with book.transaction() as session:
        session.execute(
            text("DELETE FROM checkpoints WHERE id NOT IN (SELECT model_id FROM jobs WHERE model_id IS NOT NULL)")
        )
    between = rows(book)
    assert remove(book, JobKind.SOLVE, MONTH) == 1
    with pytest.raises(JobNotFound):
        book.get(old)
    after = rows(book)
    assert between["job_events"] > after["job_events"]
    assert (after["job_attempts"], after["solutions"]) == (between["job_attempts"] - 1, before["solutions"])
    assert after["removed_jobs"] == 1


def test_the_young_the_unfinished_and_the_other_kind_stay(book: Book) -> None:
    young, waiting = solved(book, days=29), book.solve().id
    training = book.job_in(FAILED)
    age(book, training, 31)
    assert remove(book, JobKind.SOLVE, MONTH) == 0
    assert {book.get(job).id for job in (young, waiting, training)} == {young, waiting, training}


def test_beyond_a_number_the_oldest_go(book: Book) -> None:
    made = [solved(book, days) for days in (5, 1, 4, 2, 3)]
    assert remove(book, JobKind.SOLVE, Limits(days=0, most=3)) == 2
    with book.transaction() as session:
        left = set(session.scalars(select(Job.id).where(Job.kind == JobKind.SOLVE)))
    assert left == {made[1], made[3], made[4]}


def test_without_limits_everything_stays(book: Book) -> None:
    solved(book, days=10_000)
    assert remove(book, JobKind.SOLVE, Limits(days=0)) == 0
    with book.transaction() as session:
        assert retention.remove_events(session, Limits(days=0), BATCH) == 0
        assert retention.remove_audit(session, Limits(days=0), BATCH) == 0


def test_a_batch_is_no_larger_than_asked(book: Book) -> None:
    for _ in range(3):
        solved(book, days=31)
    assert [remove(book, JobKind.SOLVE, MONTH, batch=2) for _ in range(3)] == [2, 1, 0]


def test_a_training_goes_with_its_run_unless_that_has_a_checkpoint(book: Book) -> None:
    without, claim = book.job_in(FAILED), book.training()
    with book.transaction() as session:
        kept = checkpoints.add(session, claim, step=10, url="memory://x", digest="d", size=1, metrics={}).id
    book.finish(claim, FAILED)
    for job_id in (without, claim.job_id):
        age(book, job_id, 31)
    before = rows(book)
    assert remove(book, JobKind.TRAIN, MONTH) == 1
    after = rows(book)
    assert (after["runs"], after["jobs"]) == (before["runs"] - 1, before["jobs"] - 1)
    with book.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM checkpoints WHERE id = :kept"), {"kept": kept}) == 1


def test_what_has_ended_stays_counted(book: Book) -> None:
    job_id = book.job_in(FAILED)
    with book.transaction() as session:
        jobs.retry(session, EVERYTHING, job_id, 3)
    book.finish(book.claim(job_id), CANCELLED)
    with book.transaction() as session:
        before = job_counts.take(session)
    age(book, job_id, 31)
    for _ in range(2):
        remove(book, JobKind.TRAIN, MONTH)
    with book.transaction() as session:
        after = job_counts.take(session)
    assert after.ended == before.ended
    assert (after.ended[JobKind.TRAIN, FAILED], after.ended[JobKind.TRAIN, CANCELLED]) == (1, 1)
    assert sum(after.jobs.values()) == 0
    assert after.table_bytes["jobs"] > 0


def test_old_events_go_but_for_the_last(book: Book) -> None:
    old, running = solved(book), book.training().job_id
    with book.transaction() as session:
        session.add(JobEvent(job_id=old, seq=99, type="step", data={}))
        session.add(JobEvent(job_id=running, seq=99, type="step", data={}))
    age(book, old, 31)
    age(book, running, 31)
    with book.transaction() as session:
        assert retention.remove_events(session, MONTH, BATCH) == 1
        left = session.execute(select(JobEvent.job_id, JobEvent.type)).all()
    assert {(old, "done"), (running, "step")} <= {tuple(row) for row in left}


def test_of_too_many_events_those_of_the_jobs_that_ended_first_go(book: Book) -> None:
    made = [solved(book, days) for days in (3, 1, 2)]
    with book.transaction() as session:
        for job_id in made:
            session.execute(update(JobEvent).where(JobEvent.job_id == job_id).values(seq=41))
            session.add_all(JobEvent(job_id=job_id, seq=seq, type="step", data={}) for seq in range(1, 41))
    for job_id, days in zip(made, (3, 1, 2), strict=True):
        age(book, job_id, days)
    running = book.training().job_id
    with book.transaction() as session:
        session.add_all(JobEvent(job_id=running, seq=seq, type="step", data={}) for seq in range(1, 100))

    def remove_events(most: int, batch: int = BATCH) -> int:
        with book.transaction() as session:
            return retention.remove_events(session, Limits(days=0, most=most), batch)

    assert remove_events(most=123) == 0
    assert [remove_events(100, batch=30) for _ in range(3)] == [30, 10, 0]
    with book.transaction() as session:
        left = Counter(session.scalars(select(JobEvent.job_id)))
    assert left == {made[0]: 1, made[1]: 41, made[2]: 41, running: 99}


def test_old_records_of_the_audit_log_go_and_those_beyond_a_number(book: Book) -> None:
    with book.transaction() as session:
        audit.record(session, [AuditEntry("o", "c", f"act {n}", None, None, "200") for n in range(5)])
    with book.transaction() as session:
        for n in range(5):
            ago = func.now() - timedelta(days=10 * n)
            session.execute(update(AuditRecord).where(AuditRecord.action == f"act {n}").values(created_at=ago))
    with book.transaction() as session:
        assert retention.remove_audit(session, Limits(days=35), BATCH) == 1
        assert retention.remove_audit(session, Limits(days=0, most=3), BATCH) == 1
        assert set(session.scalars(select(AuditRecord.action))) == {"act 0", "act 1", "act 2"}
