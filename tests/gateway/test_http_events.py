"""Following a job's events, over a real socket."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.gateway.schemas.event import StoredEvents
from services.gateway.server import Server
from services.gateway.views import streaming
from services.registry.errors import DatabaseUnavailable
from services.registry.jobs import completion, job_events
from services.registry.jobs.leases import Claim
from services.registry.states import JobStatus
from tests.gateway.conftest import Book

Event = tuple[str, str, object]  # id, type, data


@pytest.fixture
def claim(book: Book) -> Claim:
    claim = book.training()[1]
    book.event(claim, "started", step=0)
    book.event(claim, "checkpoint", step=50)
    return claim


def finish(book: Book, claim: Claim) -> None:
    with book.database.transaction() as session:
        completion.finish(session, claim, JobStatus.SUCCEEDED, result={})


@contextmanager
def opened(server: Server, claim: Claim, **headers: str) -> Iterator[httpx2.Response]:
    """The stream, with a time-out that is longer than any honest pause."""
    path = f"{server.url}/v1/jobs/{claim.job_id}/events"
    with httpx2.stream("GET", path, headers=headers, timeout=10) as response:
        yield response


def events(response: httpx2.Response) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif "event" in fields:
            yield fields["id"], fields["event"], json.loads(fields["data"])
            fields = {}


STARTED = ("1", "started", {"step": 0})
SAVED = ("2", "checkpoint", {"step": 50})
DONE = ("3", "done", {"status": "succeeded"})


def test_what_happened_and_what_happens_until_the_end(server: Server, book: Book, claim: Claim) -> None:
    with opened(server, claim) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert (response.headers["cache-control"], response.headers["x-accel-buffering"]) == ("no-cache", "no")
        stream = events(response)
        assert [next(stream), next(stream)] == [STARTED, SAVED]
        begun = time.monotonic()
        finish(book, claim)
        assert list(stream) == [DONE]  # and the stream has ended
        assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("headers", "query"), [({"Last-Event-ID": "1"}, ""), ({}, "?after=1"), ({"Last-Event-ID": "1"}, "?after=0")]
)
def test_a_reader_can_come_back(server: Server, book: Book, claim: Claim, headers: dict[str, str], query: str) -> None:
    finish(book, claim)
    path = f"{server.url}/v1/jobs/{claim.job_id}/events{query}"
    with httpx2.stream("GET", path, headers=headers, timeout=10) as response:
        assert list(events(response)) == [SAVED, DONE]


def test_a_browser_is_told_not_to_come_back_after_the_end(server: Server, book: Book, claim: Claim) -> None:
    finish(book, claim)
    with opened(server, claim, **{"Last-Event-ID": "3"}) as response:
        assert response.status_code == 204


def test_many_events_arrive_in_order(server: Server, book: Book, claim: Claim) -> None:
    with book.database.transaction() as session:
        job_events.append(session, claim, [("step", {"step": step}) for step in range(1200)])
    finish(book, claim)
    with opened(server, claim) as response:
        assert [int(number) for number, _, _ in events(response)] == list(range(1, 1204))


def test_as_a_list(client: TestClient, book: Book, claim: Claim) -> None:
    path, headers = f"/v1/jobs/{claim.job_id}/events", {"Accept": "application/json"}
    body = client.get(path, headers=headers).json()
    assert [(event["id"], event["type"], event["data"]) for event in body["data"]] == [
        (1, "started", {"step": 0}),
        (2, "checkpoint", {"step": 50}),
    ]
    assert not body["finished"]
    finish(book, claim)
    assert client.get(path, headers=headers, params={"after": 2}).json()["finished"]


def test_an_empty_place_is_the_beginning(client: TestClient, book: Book, claim: Claim) -> None:
    finish(book, claim)
    headers = {"Last-Event-ID": "", "Accept": "application/json"}
    assert len(client.get(f"/v1/jobs/{claim.job_id}/events", headers=headers).json()["data"]) == 3


@pytest.mark.parametrize("headers", [{"Last-Event-ID": "x"}, {"Last-Event-ID": "-1"}, {"Last-Event-ID": "9" * 30}])
def test_a_bad_place_is_refused(client: TestClient, claim: Claim, headers: dict[str, str]) -> None:
    problem = client.get(f"/v1/jobs/{claim.job_id}/events", headers=headers).json()
    assert problem["code"] == "request_invalid"
    assert problem["errors"][0]["parameter"] == "last-event-id"


def test_pings_keep_a_quiet_stream_open(server: Server, claim: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PING_SECONDS", 0.1)
    with opened(server, claim) as response:
        assert any(line == ": ping" for line in response.iter_lines())


def test_an_idle_stream_holds_no_connection(app: FastAPI, server: Server, claim: Claim) -> None:
    with opened(server, claim) as response:
        stream = events(response)
        assert [next(stream), next(stream)] == [STARTED, SAVED]
        pool = app.state.backends.database.engine.pool
        samples = []
        for _ in range(200):
            samples.append(pool.checkedout())
            time.sleep(0.005)
        assert (
            sum(samples) < len(samples) / 2
        )  # only the moments of reading, which a busy machine prolongs; held, it would be all


def test_a_stream_outlives_a_restart_of_the_database(
    server: Server, book: Book, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(server, claim) as response:
        stream = events(response)
        assert [next(stream), next(stream)] == [STARTED, SAVED]
        away = threading.Event()
        read = streaming.read_events

        def read_later(*args: Any) -> StoredEvents:  # noqa: ANN401
            if away.is_set():
                raise DatabaseUnavailable("restarting")
            return read(*args)

        monkeypatch.setattr(streaming, "read_events", read_later)
        away.set()
        finish(book, claim)
        time.sleep(0.5)
        away.clear()
        assert list(stream) == [DONE]


def test_a_stream_ends_when_the_service_stops(server: Server, claim: Claim) -> None:
    with opened(server, claim) as response:
        stream = events(response)
        assert [next(stream), next(stream)] == [STARTED, SAVED]
        begun = time.monotonic()
        server.should_exit = True
        assert list(stream) == []
        assert time.monotonic() - begun < 3


def test_a_reader_who_leaves_is_forgotten(
    app: FastAPI, server: Server, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    read = streaming.read_events

    def counted(*args: Any) -> StoredEvents:  # noqa: ANN401
        reads.append(args)
        return read(*args)

    monkeypatch.setattr(streaming, "read_events", counted)
    with opened(server, claim) as response:
        next(events(response))
    time.sleep(1.5)  # longer than the longest pause
    before = len(reads)
    time.sleep(1.5)
    assert len(reads) == before


def test_a_quiet_stream_asks_ever_more_rarely(
    server: Server, book: Book, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[float] = []
    read = streaming.read_events

    def counted(*args: Any) -> StoredEvents:  # noqa: ANN401
        reads.append(time.monotonic())
        return read(*args)

    monkeypatch.setattr(streaming, "read_events", counted)
    with opened(server, claim) as response:
        stream = events(response)
        assert [next(stream), next(stream)] == [STARTED, SAVED]
        time.sleep(2)
        assert len(reads) < 15
        assert reads[-1] - reads[-2] > reads[2] - reads[1]


def test_without_accept_comes_what_the_document_lists_first(server: Server, book: Book, claim: Claim) -> None:
    finish(book, claim)
    document = httpx2.get(f"{server.url}/openapi.json").json()
    listed = document["paths"]["/v1/jobs/{job_id}/events"]["get"]["responses"]["200"]["content"]
    path = f"{server.url}/v1/jobs/{claim.job_id}/events"
    for accept in ("*/*", ""):
        answer = httpx2.get(path, headers={"Accept": accept})
        assert answer.headers["content-type"].partition(";")[0] == next(iter(listed))
    assert httpx2.get(path, headers={"Accept": "application/json"}).json()["finished"] is True


def test_an_empty_last_event_id_is_none(server: Server, book: Book, claim: Claim) -> None:
    finish(book, claim)
    with opened(server, claim, **{"Last-Event-ID": ""}) as response:
        assert [event[0] for event in events(response)] == ["1", "2", "3"]
