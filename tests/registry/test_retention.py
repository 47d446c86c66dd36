"""Which checkpoints of a run stay, and which may go."""

import threading

import pytest
from sqlalchemy import func, select

from services.registry.db.tables import Checkpoint
from services.registry.errors import CheckpointNotFound
from services.registry.jobs.leases import Claim
from services.registry.runs import checkpoints, runs
from services.registry.states import JobKind
from tests.fresh import new_job
from tests.registry.conftest import CONFIG, Book

KEEP = 2


def save(book: Book, claim: Claim, step: int, accuracy: float | None = None) -> str:
    metrics = {"exact_accuracy": accuracy}
    with book.transaction() as session:
        url = f"memory://{step}"
        return checkpoints.add(session, claim, step=step, url=url, digest="d", size=1, metrics=metrics).id


def retire(book: Book, claim: Claim) -> list[int]:
    """The steps that are retired afterwards."""
    with book.transaction() as session:
        checkpoints.retire(session, claim, KEEP)
    with book.transaction() as session:
        return sorted(row.step for row in checkpoints.list_retired(session))


def test_the_last_ones_stay(book: Book) -> None:
    claim = book.training()
    for step in range(1, 6):
        save(book, claim, step)
    assert retire(book, claim) == [1, 2, 3]


def test_the_best_stays_and_of_equal_ones_the_later(book: Book) -> None:
    claim = book.training()
    for step, accuracy in ((1, 0.5), (2, 0.9), (3, 0.9), (4, None), (5, 0.1), (6, 0.2)):
        save(book, claim, step, accuracy)
    assert retire(book, claim) == [1, 2, 4]


def test_what_a_job_or_a_run_began_with_stays(book: Book) -> None:
    claim = book.training()
    solved, forked, *_ = [save(book, claim, step) for step in range(1, 7)]
    with book.transaction() as session:
        new_job(session, JobKind.SOLVE, {}, model_id=solved)
        runs.insert_rows(session, [runs.new_row(CONFIG, parent=forked)])
    assert retire(book, claim) == [3, 4]


def test_who_is_about_to_use_one_is_waited_for(book: Book) -> None:
    claim = book.training()
    oldest, *_ = [save(book, claim, step) for step in range(1, 4)]
    with book.transaction() as session:
        new_job(session, JobKind.SOLVE, {}, model_id=oldest)
        retiring = threading.Thread(target=retire, args=(book, claim))
        retiring.start()
        retiring.join(0.3)
        assert retiring.is_alive()
    retiring.join(10)
    with book.transaction() as session:
        assert checkpoints.get(session, oldest).retired_at is None


def test_a_retired_one_is_nowhere_to_be_found_and_its_row_goes_last(book: Book) -> None:
    claim = book.training()
    gone, *_ = [save(book, claim, step) for step in range(1, 4)]
    retire(book, claim)
    with book.transaction() as session:
        with pytest.raises(CheckpointNotFound):
            checkpoints.get(session, gone)
        assert [row.step for row in checkpoints.page(session).items] == [3, 2]
        assert [row.step for row in checkpoints.furthest_first(session, claim.training_run)] == [3, 2]
        assert checkpoints.list_retired(session, seconds=60) == []
        checkpoints.forget(session, [gone])
        assert session.scalar(select(func.count()).select_from(Checkpoint)) == 2


def test_one_that_is_not_retired_is_never_forgotten(book: Book) -> None:
    claim = book.training()
    kept = save(book, claim, 1)
    with book.transaction() as session:
        checkpoints.forget(session, [kept])
        assert checkpoints.get(session, kept).id == kept


def test_a_retired_one_cannot_be_held(book: Book) -> None:
    claim = book.training()
    gone, kept, _ = [save(book, claim, step) for step in range(1, 4)]
    retire(book, claim)
    with book.transaction() as session:
        assert checkpoints.hold(session, {gone, kept, "ckpt_unknown"}) == {kept}
        assert checkpoints.hold(session, set()) == set()
