"""The trainer's lines: kept over attempts, read page by page, followed until the job has ended."""

import pytest
from fastapi.testclient import TestClient

from services.registry.jobs import completion, job_logs
from services.registry.states import JobStatus
from tests.gateway.conftest import Book


def test_lines_are_paged_over_all_attempts(client: TestClient, book: Book) -> None:
    _, claim = book.training()
    path = client.get(f"/v1/jobs/{claim.job_id}").json()["links"]["logs"]
    assert client.get(path).json() == {"data": [], "next_after": 0, "finished": False}
    book.lines(claim, "one", "two")
    with book.database.transaction() as session:
        completion.release(session, claim)
    claim = book.claim(claim.job_id)
    book.lines(claim, "three\0")
    first = client.get(f"{path}?limit=2").json()
    assert [(line["id"], line["attempt"], line["text"]) for line in first["data"]] == [(1, 1, "one"), (2, 1, "two")]
    rest = client.get(f"{path}?after={first['next_after']}").json()
    assert [(line["id"], line["attempt"], line["text"]) for line in rest["data"]] == [(3, 2, "three\ufffd")]
    assert (rest["next_after"], rest["finished"]) == (3, False)
    with book.database.transaction() as session:
        completion.finish(session, claim, JobStatus.SUCCEEDED)
    assert client.get(f"{path}?after=3").json() == {"data": [], "next_after": 3, "finished": True}
    assert client.get(f"{path}?limit=3").json()["finished"] is False  # there might be more
    assert client.get("/v1/jobs/job_x/logs").json()["code"] == "job_not_found"


def test_a_trainer_that_never_stops_writing_is_cut_short(
    client: TestClient, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_logs, "MOST_LINES", 5)
    _, claim = book.training()
    book.lines(claim, "a", "b" * 3000)
    book.lines(claim, *"cdefgh")
    book.lines(claim, "i")
    lines = [line["text"] for line in client.get(f"/v1/jobs/{claim.job_id}/logs").json()["data"]]
    assert lines == ["a", "b" * 2000, "c", "d", job_logs.LAST]
