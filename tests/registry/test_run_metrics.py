"""A run's curve reads back without gaps or doubles, however many attempts made it."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy import text

from services.registry.db.bulk import copy_rows
from services.registry.db.tables import RunMetric
from services.registry.errors import DatabaseUnavailable
from services.registry.jobs import completion
from services.registry.jobs.leases import Claim
from services.registry.runs import run_metrics, runs
from tests.registry.conftest import Book

Event = Callable[..., dict[str, Any]]


def _log(book: Book, claim: Claim, step_event: Event, steps: Iterable[int], **fields: float) -> None:
    with book.transaction() as session:
        run_metrics.add(session, claim, [step_event(step, **fields) for step in steps])


def _next_attempt(book: Book, claim: Claim, step: int) -> Claim:
    """The claim of an attempt that continues from this step."""
    with book.transaction() as session:
        completion.release(session, claim)
    following = book.claim(claim.job_id)
    with book.transaction() as session:
        runs.record_start(session, following, step=step, parameters=1, device="cpu")
    return following


def _read(book: Book, claim: Claim, **options: int) -> list[tuple[int, int]]:
    with book.transaction() as session:
        return [(row.step, row.attempt) for row in run_metrics.read(session, claim.training_run, **options)]


def test_row_reads_back_as_it_was_logged(book: Book, step_event: Event) -> None:
    claim = book.training()
    event = step_event(10, loss=0.1 + 0.2)
    _log(book, claim, step_event, [10], loss=0.1 + 0.2)
    with book.transaction() as session:
        (row,) = run_metrics.read(session, claim.training_run)
        assert runs.get(session, claim.training_run).step == 10
    assert {name: getattr(row, name) for name in run_metrics.COLUMNS} == {
        key: event[key] for key in run_metrics.COLUMNS
    }


def test_what_a_later_attempt_repeats_replaces_what_was_undone(book: Book, step_event: Event) -> None:
    first = book.training()
    _log(book, first, step_event, range(10, 100, 10))  # its last checkpoint: step 50
    second = _next_attempt(book, first, 50)
    _log(book, second, step_event, [60, 70])
    expected = [(step, 1) for step in range(10, 60, 10)] + [(60, 2), (70, 2)]
    assert _read(book, first) == expected
    third = _next_attempt(book, second, 20)  # the later checkpoints were corrupt
    _log(book, third, step_event, range(30, 130, 10))
    assert _read(book, first) == [(10, 1), (20, 1)] + [(step, 3) for step in range(30, 130, 10)]


def test_what_was_undone_is_gone_before_it_is_repeated(book: Book, step_event: Event) -> None:
    first = book.training()
    _log(book, first, step_event, range(10, 100, 10))
    _next_attempt(book, first, 50)
    assert [step for step, _ in _read(book, first)] == [10, 20, 30, 40, 50]
    assert [step for step, _ in _read(book, first, every=25)] == [20, 50]


def test_curve_is_thinned_out_over_several_attempts(book: Book, step_event: Event) -> None:
    first = book.training()
    _log(book, first, step_event, range(1, 100))
    second = _next_attempt(book, first, 50)
    _log(book, second, step_event, range(51, 80))
    _log(book, second, step_event, [500, 501])
    assert _read(book, first, every=20) == [(20, 1), (40, 1), (60, 2), (79, 2), (500, 2), (501, 2)]
    assert _read(book, first, every=20, after_step=45, limit=2) == [(60, 2), (79, 2)]
    assert _read(book, first, every=20, after_step=501) == []


def test_batch_that_arrives_twice_is_recorded_once(book: Book, step_event: Event) -> None:
    claim = book.training()
    _log(book, claim, step_event, [10, 20])
    _log(book, claim, step_event, [10, 20, 30], loss=9.0)
    with book.transaction() as session:
        assert [row.loss for row in run_metrics.read(session, claim.training_run)] == [0.1, 0.05, 9.0]


def test_step_that_is_told_twice_at_once_is_recorded_once(book: Book, step_event: Event) -> None:
    claim = book.training()
    with book.transaction() as session:
        run_metrics.add(session, claim, [step_event(10, loss=1.0), step_event(10, loss=2.0)])
        (row,) = run_metrics.read(session, claim.training_run)
        assert row.loss == 1.0


def test_rows_go_with_the_transaction_that_they_were_added_in(book: Book, step_event: Event) -> None:
    claim = book.training()

    def add_and_fail() -> None:
        with book.transaction() as session:
            run_metrics.add(session, claim, [step_event(10)])
            raise RuntimeError("on the way")

    with pytest.raises(RuntimeError):
        add_and_fail()
    assert _read(book, claim) == []


def test_server_that_goes_away_meanwhile_is_unavailable(book: Book, step_event: Event) -> None:
    claim = book.training()

    def copy_to_a_lost_server() -> None:
        with book.transaction() as session:
            process = session.scalar(text("SELECT pg_backend_pid()"))
            with book.transaction() as killer:
                killer.execute(text("SELECT pg_terminate_backend(:process, 5000)"), {"process": process})
            copy_rows(session, RunMetric, ("run_id",), [("x",)])

    with pytest.raises(DatabaseUnavailable):
        copy_to_a_lost_server()
    _log(book, claim, step_event, [10])
    assert _read(book, claim) == [(10, 1)]


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"after_step": 40}, [50, 60, 70, 75]),
        ({"limit": 2}, [10, 20]),
        ({"every": 30}, [30, 60, 75]),
        ({"every": 1000}, [75]),
        ({"every": 30, "after_step": 30, "limit": 1}, [60]),
        ({"after_step": 75}, []),
    ],
)
def test_parts_of_a_curve(book: Book, step_event: Event, options: dict[str, int], steps: list[int]) -> None:
    claim = book.training()
    _log(book, claim, step_event, [*range(10, 80, 10), 75])
    assert [step for step, _ in _read(book, claim, **options)] == steps


def test_event_that_lacks_a_field_is_refused_whole(book: Book, step_event: Event) -> None:
    claim = book.training()
    event = step_event(20)
    del event["loss"]
    with pytest.raises(KeyError), book.transaction() as session:
        run_metrics.add(session, claim, [step_event(10), event])
    assert _read(book, claim) == []
