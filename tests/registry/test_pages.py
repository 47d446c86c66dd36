"""Lists in pages: complete, in order, and undisturbed by rows that arrive meanwhile."""

import base64
import json
from typing import Any

import pytest
from sqlalchemy import event, text

from services.registry.access.visibility import EVERYTHING, AccessScope
from services.registry.db.database import Database
from services.registry.db.ids import new_id
from services.registry.db.pages import encode_cursor
from services.registry.errors import InvalidCursor
from services.registry.jobs import jobs
from services.registry.runs import runs
from services.registry.states import JobKind, JobStatus
from services.registry.webhooks import webhooks
from tests.fresh import new_job, new_run
from tests.registry.conftest import CONFIG, Book


def _walk(book: Book, limit: int, between: object = None) -> list[str]:
    seen, cursor = [], None
    while True:
        with book.transaction() as session:
            page = jobs.page(session, EVERYTHING, cursor=cursor, limit=limit)
        seen += [job.id for job in page.items]
        if callable(between):
            between()
        if not page.has_more:
            assert page.next_cursor is None
            return seen
        cursor = page.next_cursor


def _submit_together(book: Book, count: int) -> list[str]:
    """Jobs with the very same moment of creation."""
    with book.transaction() as session:
        run_id = new_run(session, CONFIG).id
        return [new_job(session, JobKind.TRAIN, {}, run_id=run_id).id for _ in range(count)]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_hold_every_row_once_youngest_first(book: Book, limit: int) -> None:
    job_ids = _submit_together(book, 4) + [book.train().id for _ in range(3)]
    assert _walk(book, limit) == job_ids[::-1]


def test_rows_added_meanwhile_disturb_nothing(book: Book) -> None:
    job_ids = _submit_together(book, 7)
    assert _walk(book, 2, between=book.train) == job_ids[::-1]


def test_empty_list_is_one_empty_page(book: Book) -> None:
    assert _walk(book, 10) == []


def test_filters(book: Book) -> None:
    queued, running = book.job_in(JobStatus.QUEUED), book.job_in(JobStatus.RUNNING)
    with book.transaction() as session:
        assert [job.id for job in jobs.page(session, EVERYTHING, status=JobStatus.RUNNING).items] == [running]
        assert [job.id for job in jobs.page(session, EVERYTHING, kind=JobKind.TRAIN).items] == [running, queued]
        assert jobs.page(session, EVERYTHING, kind=JobKind.SOLVE).items == []
        assert [
            job.id for job in jobs.page(session, EVERYTHING, run_id=jobs.get(session, EVERYTHING, queued).run_id).items
        ] == [queued]


def _text(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


MOMENT = "2026-01-01T00:00:00+00:00"
FORGED = [
    "", "%%%", "naïve", "AAAA", _text({}), _text([1]), _text([1, "jobs"]), _text([2, "jobs", MOMENT, "job_1"]),
    _text([1, "runs", MOMENT, "run_1"]), _text([1, "jobs", "yesterday", "job_1"]), _text([1, "jobs", MOMENT, 1]),
    _text([1, "jobs", "2026-01-01T00:00:00", "job_1"]), _text([1, "jobs", MOMENT, "job_\0"]),
    _text([1, "jobs", 5, "job_1"]),
]  # fmt: skip


@pytest.mark.parametrize("cursor", FORGED)
def test_cursor_of_another_making_is_refused(book: Book, cursor: str) -> None:
    with pytest.raises(InvalidCursor), book.transaction() as session:
        jobs.page(session, EVERYTHING, cursor=cursor)


def test_cursor_belongs_to_its_list(book: Book) -> None:
    _submit_together(book, 2)
    with book.transaction() as session:
        cursor = jobs.page(session, EVERYTHING, limit=1).next_cursor
        with pytest.raises(InvalidCursor):
            runs.page(session, EVERYTHING, cursor=cursor)


def test_cursor_fits_into_a_url() -> None:
    assert encode_cursor("jobs", ["ÿ?>" * 9, "~"]).replace("-", "").replace("_", "").isalnum()


def test_ids_sort_by_age_and_never_repeat() -> None:
    ids = [new_id("job") for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert ids == sorted(ids)
    assert len(ids[0]) == len("job_") + 32


def test_a_page_of_a_busy_webhook_is_read_from_an_index(database: Database) -> None:
    scope = AccessScope("alice")
    with database.transaction() as session:
        made = webhooks.create(session, scope, url="http://localhost:9/", events=["job.failed"])
        many = text(
            "INSERT INTO webhook_deliveries (id, endpoint_id, payload, due_at, created_at) "
            "SELECT 'msg_' || i, :endpoint, '{}', NULL, now() - i * interval '1 second' FROM generate_series(1, 5000) AS i"
        )
        session.execute(many, {"endpoint": made.id})
    with database.engine.begin() as connection:
        connection.execute(text("ANALYZE webhook_deliveries"))
    asked: list[tuple[str, Any]] = []
    event.listen(database.engine, "before_cursor_execute", lambda _c, _cur, sql, given, *_: asked.append((sql, given)))
    with database.transaction() as session:
        assert [message.id for message in webhooks.deliveries(session, scope, made.id, limit=3).items] == [
            "msg_1", "msg_2", "msg_3",
        ]  # fmt: skip
    [(sql, given)] = [(sql, given) for sql, given in asked if "FROM webhook_deliveries" in sql]
    with database.engine.connect() as connection:
        plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {sql}", given))
    assert "Index Scan Backward using ix_webhook_deliveries_listed" in plan
    assert "Sort" not in plan
