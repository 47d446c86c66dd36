"""Every list that can grow is read in pages: to its end, whatever is added meanwhile, and by its owner alone."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from services.gateway.app import create_app
from services.registry.db.database import Database
from services.registry.jobs import completion
from services.registry.settings import Settings
from tests.gateway.conftest import HERE, Book
from tests.gateway.keys import guarded, header
from tests.gateway.test_http_queue import announce
from tests.gateway.test_http_runs import evaluate
from tests.openapi import PATHS, SCHEMAS

TRAINING = {"preset": "sudoku-6x6"}
BOUNDED = {  # by the code, or by what one job or checkpoint has
    "/v1/queue",
    "/v1/presets",
    "/v1/checkpoints/{checkpoint_id}/files",
    "/metrics/targets",  # in the form that Prometheus asks for
}
BY_NUMBER = {  # continued from a number that the rows have themselves
    "/v1/jobs/{job_id}/logs": "after",
    "/v1/jobs/{job_id}/events": "after",
    "/v1/runs/{run_id}/metrics": "after_step",
}


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings.model_copy(update={"webhooks": True})), base_url=HERE) as client:
        yield client


def lists() -> Iterator[tuple[str, set[str]]]:
    """Every path that answers with a list, and its parameters."""
    for path, item in PATHS.items():
        content = item.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        named = SCHEMAS.get(schema.get("$ref", "").rpartition("/")[2], schema)
        if "array" in (named.get("type"), named.get("properties", {}).get("data", {}).get("type")):
            yield path, {parameter["name"] for parameter in item["get"].get("parameters", [])}


def test_every_list_is_bounded_or_goes_on() -> None:
    found = dict(lists())
    assert len(found) > 15
    assert BOUNDED | BY_NUMBER.keys() <= found.keys()
    assert all(BY_NUMBER[path] in found[path] for path in BY_NUMBER)
    assert [p for p in found if p not in BOUNDED | BY_NUMBER.keys() and not {"cursor", "limit"} <= found[p]] == []


def test_a_list_without_pages_says_why() -> None:
    said = {path: PATHS[path]["get"]["description"] for path in BOUNDED}
    assert [path for path, text in said.items() if "not in pages" not in text] == []


def follow(
    client: TestClient, path: str, key: str = "data", meanwhile: Callable[[], Any] = lambda: None, limit: int = 2
) -> list[Any]:
    """What a list holds, so many at a time, `meanwhile` done between two pages."""
    rows, url = [], httpx2.URL(path)
    asked: dict[str, Any] = {"limit": limit}
    while True:
        page = client.get(url.copy_merge_params(asked)).json()
        assert len(page[key]) <= limit
        assert page["has_more"] == (page["next_cursor"] is not None)
        rows += page[key]
        if not page["has_more"]:
            return rows
        asked["cursor"] = page["next_cursor"]
        meanwhile()


def test_messages_to_a_webhook(client: TestClient) -> None:
    def end() -> str:
        job: str = client.post("/v1/training-jobs", json=TRAINING).json()["id"]
        client.post(f"/v1/jobs/{job}/cancel")
        return job

    home = client.post("/v1/webhooks", json={"url": "https://example.org/hook"}).headers["location"]
    ended = [end() for _ in range(5)]
    found = follow(client, f"{home}/deliveries", meanwhile=end)
    assert [message["payload"]["data"]["id"] for message in found] == ended[::-1]
    assert len(client.get(f"{home}/deliveries").json()["data"]) == 7


def test_evaluations_of_a_run(client: TestClient) -> None:
    book = Book(client.app.state.backends)  # type: ignore[attr-defined]
    run, claim = book.training()
    for step in (10, 20, 30):
        evaluate(book, claim, step, "validation", 0.5)
    evaluate(book, claim, 20, "test", 0.5)
    back = follow(client, f"/v1/runs/{run}/evaluations?order=newest")
    assert back == client.get(f"/v1/runs/{run}/evaluations").json()["data"][::-1]
    steps = iter(range(40, 100))
    found = follow(client, f"/v1/runs/{run}/evaluations", meanwhile=lambda: evaluate(book, claim, 5, "test", 0.5))
    assert [(row["step"], row["split"]) for row in found] == [
        (10, "validation"),
        (20, "validation"),
        (20, "test"),
        (30, "validation"),
    ]
    found = follow(
        client, f"/v1/runs/{run}/evaluations", meanwhile=lambda: evaluate(book, claim, min(next(steps), 42), "test", 1)
    )
    assert [row["step"] for row in found] == [5, 10, 20, 20, 30, 40, 41, 42]


def try_again(book: Book, job_id: str) -> None:
    claim = book.claim(job_id)
    with book.database.transaction() as session:
        completion.release(session, claim)


def test_attempts_at_a_job(client: TestClient) -> None:
    book = Book(client.app.state.backends)  # type: ignore[attr-defined]
    job = client.post("/v1/training-jobs", json=TRAINING).json()
    for _ in range(5):
        try_again(book, job["id"])
    found = follow(client, job["links"]["attempts"], meanwhile=lambda: try_again(book, job["id"]))
    assert [attempt["attempt"] for attempt in found] == [5, 4, 3, 2, 1]
    assert {attempt["outcome"] for attempt in found} == {"released"}
    for _ in range(15):
        try_again(book, job["id"])
    shown = client.get(f"/v1/jobs/{job['id']}").json()["attempts"]
    assert [attempt["attempt"] for attempt in shown] == list(range(3, 23))  # the newest 20 of 22
    assert client.get(job["links"]["attempts"]).json()["data"] == shown[::-1]


def test_workers(client: TestClient) -> None:
    database: Database = client.app.state.backends.database  # type: ignore[attr-defined]
    for name in ("b:1", "a:1", "c:1", "b:2", "d:1"):
        announce(database, name)
    found = follow(client, "/v1/workers", meanwhile=lambda: announce(database, "a:0"))
    assert [worker["name"] for worker in found] == ["a:1", "b:1", "b:2", "c:1", "d:1"]
    assert client.get("/v1/workers", params={"limit": 1}).json()["data"][0]["name"] == "a:0"


def test_names_of_models(client: TestClient) -> None:
    book = Book(client.app.state.backends)  # type: ignore[attr-defined]
    first, second = (book.checkpoint(book.training()[1]) for _ in range(2))

    def promote(name: str, checkpoint: str = first) -> None:
        assert client.post("/v1/models", json={"name": name, "checkpoint": checkpoint}).status_code == 200

    for name in ("e", "c", "a", "b", "d"):
        promote(f"mine-{name}")
    promote("mine-c", second)
    found = follow(client, "/v1/models", "promoted", meanwhile=lambda: promote("mine-0"))
    assert [model["name"] for model in found] == [f"mine-{name}" for name in "abcde"]
    assert [model["version"] for model in found] == [1, 1, 2, 1, 1]
    assert client.get("/v1/models", params={"limit": 1}).json()["promoted"][0]["name"] == "mine-0"
    shipped = client.get("/v1/models").json()["data"]
    second_page = client.get("/v1/models", params={"limit": 2})
    rest = client.get("/v1/models", params={"cursor": second_page.json()["next_cursor"]}).json()
    assert (second_page.json()["data"], rest["data"]) == (shipped, [])


def test_the_longest_names_go_into_a_cursor(settings: Settings, database: Database) -> None:
    hosts = [f"{letter * 253}:4194304" for letter in "ab"]
    for host in hosts:
        announce(database, host)
    names = [letter * 64 for letter in "ab"]
    with guarded(settings) as client:
        owner = header(database, "o" * 64)
        training = client.post("/v1/training-jobs", json=TRAINING, headers=owner).json()
        book = Book(client.app.state.backends)  # type: ignore[attr-defined]
        checkpoint = book.checkpoint(book.claim(training["id"]))
        for name in names:
            client.post("/v1/models", json={"name": name, "checkpoint": checkpoint}, headers=owner)
        client.headers.update(owner)
        assert [worker["name"] for worker in follow(client, "/v1/workers", limit=1)] == hosts
        assert [model["name"] for model in follow(client, "/v1/models", "promoted", limit=1)] == names


LATER = [
    "runs/{run}/evaluations",
    "runs/{run}/evaluations?order=newest",
    "jobs/{job}/attempts",
    "workers",
    "models",
    "webhooks/{hook}/deliveries",
]


@pytest.mark.parametrize("path", LATER)
def test_a_cursor_of_another_list_is_refused(client: TestClient, path: str) -> None:
    job = client.post("/v1/training-jobs", json=TRAINING).json()
    client.post("/v1/training-jobs", json=TRAINING)
    hook = client.post("/v1/webhooks", json={"url": "https://example.org/hook"}).json()["id"]
    url = httpx2.URL("/v1/" + path.format(run=job["run_id"], job=job["id"], hook=hook))
    foreign = client.get("/v1/jobs", params={"limit": 1}).json()["next_cursor"]
    for cursor in (foreign, foreign[:-3], "x", "é"):
        response = client.get(url.copy_merge_params({"cursor": cursor}))
        assert (response.status_code, response.json()["code"]) == (422, "cursor_invalid")


def test_a_cursor_of_the_other_order_is_refused(client: TestClient) -> None:
    book = Book(client.app.state.backends)  # type: ignore[attr-defined]
    run, claim = book.training()
    for step in (10, 20):
        evaluate(book, claim, step, "validation", 0.5)
    path = f"/v1/runs/{run}/evaluations"
    newest = client.get(path, params={"limit": 1, "order": "newest"}).json()["next_cursor"]
    response = client.get(path, params={"cursor": newest})
    assert (response.status_code, response.json()["code"]) == (422, "cursor_invalid")


def test_a_cursor_opens_nothing_of_anothers(settings: Settings, database: Database) -> None:
    with guarded(settings, webhooks=True) as client:
        alice, bob = header(database, "alice"), header(database, "bob")
        book = Book(client.app.state.backends)  # type: ignore[attr-defined]
        training = client.post("/v1/training-jobs", json=TRAINING, headers=alice).json()
        claim = book.claim(training["id"])
        checkpoint = book.checkpoint(claim)
        for name in ("one", "two"):
            client.post("/v1/models", json={"name": name, "checkpoint": checkpoint}, headers=alice)
            evaluate(book, claim, len(name) + ord(name[0]), "test", 0.5)
        models = client.get("/v1/models", params={"limit": 1}, headers=alice).json()["next_cursor"]
        assert models
        assert client.get("/v1/models", params={"cursor": models}, headers=bob).json()["promoted"] == []
        with book.database.transaction() as session:
            completion.release(session, claim)
        book.claim(training["id"])
        hook = client.post("/v1/webhooks", json={"url": "https://example.org/hook"}, headers=alice).headers["location"]
        for _ in range(2):
            job = client.post("/v1/training-jobs", json=TRAINING, headers=alice).json()["id"]
            client.post(f"/v1/jobs/{job}/cancel", headers=alice)
        for path in (f"/v1/runs/{training['run_id']}/evaluations", training["links"]["attempts"], f"{hook}/deliveries"):
            cursor = client.get(path, params={"limit": 1}, headers=alice).json()["next_cursor"]
            assert cursor
            assert client.get(path, params={"cursor": cursor}, headers=bob).status_code == 404
            assert client.get(path, params={"cursor": cursor}, headers=alice).json()["data"]
