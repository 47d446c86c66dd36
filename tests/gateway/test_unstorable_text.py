"""NUL and lone surrogates, sent anywhere a request has text, are refused or not found: never a mistake, never a lost audit record."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.gateway.app import create_app
from services.registry.access import audit
from services.registry.db.pages import encode_cursor
from tests.gateway.conftest import Book
from tests.gateway.test_http_datasets import jsonl, post
from tests.openapi import PATHS, SCHEMAS

BAD_BYTES = ["%00", "%ed%a0%80", "%ff"]
BAD_TEXTS = ["a\0", "\ud800", "\udfff\0"]
OPERATIONS = [(method, path) for path, item in PATHS.items() for method in item if "/v1/" in path]
WITH_IDS = [(method, path) for method, path in OPERATIONS if "{" in path]
QUERIES = [
    (path, parameter["name"])
    for path, item in PATHS.items()
    for parameter in item.get("get", {}).get("parameters", ())
    if parameter["in"] == "query"
]


@pytest.fixture(scope="module")
def model(shared_app: FastAPI) -> str:
    """A checkpoint, and with it a run."""
    book = Book(shared_app.state.backends)
    return book.checkpoint(book.training()[1])


@pytest.mark.parametrize("bad", BAD_BYTES)
@pytest.mark.parametrize(("method", "path"), WITH_IDS)
def test_in_a_path(shared_client: TestClient, method: str, path: str, bad: str) -> None:
    for name in ("job_id", "run_id", "checkpoint_id", "webhook_id", "key_id", "id_or_name", "name", "code"):
        path = path.replace(f"{{{name}}}", f"x{bad}")
    path = path.replace("{index}", "0")
    for headers in ({}, {"Idempotency-Key": "k"}):
        response = shared_client.request(method, path, headers=headers)
        assert 400 <= response.status_code < 500, response.text


@pytest.mark.parametrize("bad", BAD_BYTES)
@pytest.mark.parametrize(("path", "name"), QUERIES)
@pytest.mark.usefixtures("model")
def test_in_a_query(shared_client: TestClient, path: str, name: str, bad: str) -> None:
    place = path.replace("{run_id}", shared_client.get("/v1/runs").json()["data"][0]["id"]).replace("{job_id}", "job_x")
    response = shared_client.get(f"{place}?{name}=x{bad}")
    assert 400 <= response.status_code < 500, response.text
    assert 400 <= shared_client.get(f"{place}?x{bad}=1").status_code < 500


@pytest.mark.parametrize("bad", BAD_TEXTS)
def test_in_a_cursor(shared_client: TestClient, bad: str) -> None:
    moment = "2026-01-01T00:00:00+00:00"
    for where in ("jobs", "runs", "checkpoints", "datasets", "webhook_endpoints", "api_keys", "audit_log"):
        path = {"webhook_endpoints": "webhooks", "api_keys": "api-keys", "audit_log": "audit"}.get(where, where)
        for mark in ([moment, bad], [bad, "x"], [bad]):
            response = shared_client.get(f"/v1/{path}", params={"cursor": encode_cursor(where, mark)})
            assert response.status_code in (200, 422), response.text


def variants(example: Any, bad: str) -> Iterator[Any]:  # noqa: ANN401
    """The example with the bad text in place of each value, key and item in turn."""
    yield bad
    if isinstance(example, dict):
        for key, value in example.items():
            yield {**example, f"{key}{bad}": value}
            for changed in variants(value, bad):
                yield {**example, key: changed}
    elif isinstance(example, list):
        for at, value in enumerate(example):
            for changed in variants(value, bad):
                yield [*example[:at], changed, *example[at + 1 :]]


def posts() -> Iterator[tuple[str, Any]]:
    for path, item in PATHS.items():
        content = item.get("post", {}).get("requestBody", {}).get("content", {})
        if "application/json" in content:
            schema = SCHEMAS[content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]]
            for example in schema["examples"]:
                yield path, example


@pytest.mark.parametrize("bad", BAD_TEXTS)
@pytest.mark.parametrize(("path", "example"), list(posts()))
def test_in_a_body(shared_client: TestClient, model: str, path: str, example: Any, bad: str) -> None:  # noqa: ANN401
    if "model" in example:
        example = {**example, "model": model, "puzzle": [[1, "."], [None, ""]]}
        example.pop("puzzles", None)
    for body in variants(example, bad):
        response = shared_client.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
        assert response.status_code < 500, (body, response.text)


@pytest.mark.parametrize("bad", BAD_TEXTS)
@pytest.mark.parametrize("column", ["question", "answer", "source", "rating", "x"])
def test_in_an_upload(client: TestClient, column: str, bad: str) -> None:
    table = [{"question": "1.2", "answer": "112"}, {"question": "2.1", "answer": "221", column: bad}]
    content = "\n".join(map(json.dumps, table)).encode()
    response = post(client, content, kind="grid", test=content)
    assert response.status_code in (201, 422), response.text
    csv = b"question,answer,source\n1.2,112,a\n2.1,221," + bad.encode(errors="surrogatepass") + b"\n"
    assert post(client, csv, kind="grid", test=jsonl([("1.2", "112")])).status_code in (201, 409, 422)


def test_the_audit_log_keeps_every_record(app: FastAPI) -> None:
    with TestClient(app, base_url="http://localhost") as client:
        for path in ("a", "b%00", "c%ed%a0%80", "d"):
            client.post(f"/v1/jobs/{path}/cancel")
    backends = create_app(app.state.backends.settings).state.backends
    with backends.database.transaction() as session:
        named = {record.object for record in audit.page(session).items}
    backends.close()
    assert named == {"a", "b\ufffd", "c\ufffd\ufffd\ufffd", "d"}
