"""Every error of every route has one shape, a code of the catalogue, and is documented on its route."""

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from services.gateway.problems.catalogue import CATALOGUE
from services.registry.settings import Settings
from tests.openapi import PATHS

UNKNOWN = "nothing_has_this_id"
OPERATIONS = [(method.upper(), path, operation) for path, item in PATHS.items() for method, operation in item.items()]
WITH_QUERY = [
    (method, path, parameter["name"])
    for method, path, operation in OPERATIONS
    for parameter in operation.get("parameters", ())
    if parameter["in"] == "query"
]
EXAMINED_FIRST = ("POST", "/v1/checkpoints")  # an archive is read, and refused, before the database is asked
FILES = {"file": ("a.csv", b"question,answer\n")}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/training-jobs": {"json": {"preset": "sudoku-6x6", "dataset": "uploaded-once"}},
    "/v1/solve-jobs": {"json": {"model": "ckpt_1", "puzzle": "1..."}},
    "/v1/evaluation-jobs": {"json": {"model": "ckpt_1"}},
    "/v1/models": {"json": {"name": "mine", "checkpoint": "ckpt_1"}},
    "/v1/datasets": {"files": FILES, "data": {"name": "mine"}},
    "/v1/webhooks": {"json": {"url": "https://example.org/"}},
    "/v1/api-keys": {"json": {"owner": "alice", "name": "laptop", "scopes": ["train"]}},
}


def filled(path: str) -> str:
    """The path with an unknown id in every place, and a number where one belongs."""
    return "/".join(UNKNOWN if part.startswith("{") else part for part in path.replace("{index}", "0").split("/"))


def documented_codes(path: str, method: str, status: int) -> set[str]:
    response = PATHS[path][method.lower()]["responses"][str(status)]
    return set(response["content"]["application/problem+json"]["examples"])


def check_problem(response: Response, code: str) -> dict[str, Any]:
    """The one shape, whatever went wrong."""
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    entry = CATALOGUE[code]
    assert (body["code"], body["status"], body["title"]) == (code, response.status_code, entry.title)
    assert body["status"] == entry.status
    assert body["type"] == f"/v1/problems/{code}"
    assert body["instance"] == response.request.url.path
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["detail"]
    assert isinstance(body["errors"], list)
    assert ("retry-after" in response.headers) == (response.status_code in (429, 503))
    return body


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_documents_only_problems_of_the_catalogue(method: str, path: str, operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if status.startswith(("2", "3")) or (path == "/readyz" and status == "503"):
            continue
        assert list(response["content"]) == ["application/problem+json"], (method, path, status)
        codes = documented_codes(path, method, int(status))
        assert codes
        assert {CATALOGUE[code].status for code in codes} == {int(status)}


@pytest.mark.parametrize("path", PATHS)
def test_another_method_is_refused(shared_client: TestClient, path: str) -> None:
    response = shared_client.request("PATCH", filled(path))
    check_problem(response, "method_not_allowed")
    assert response.headers["allow"]


@pytest.mark.parametrize(("method", "path", "name"), WITH_QUERY)
def test_bad_query_parameters_are_named(shared_client: TestClient, method: str, path: str, name: str) -> None:
    bad = "x" * 600
    body = BODIES.get(path, {}) if method == "POST" else {}
    problem = check_problem(shared_client.request(method, filled(path), params={name: bad}, **body), "request_invalid")
    assert [error["parameter"] for error in problem["errors"]] == [name]
    assert "request_invalid" in documented_codes(path, method, 422)


@pytest.mark.parametrize("path", [path for _, path, name in WITH_QUERY if name == "cursor"])
def test_foreign_cursors_are_refused(shared_client: TestClient, path: str) -> None:
    response = shared_client.get(filled(path), params={"cursor": "bm90IG91cnM"})
    known = "{" not in path  # of an unknown parent, the parent is what is missing
    assert response.status_code == (422 if known else 404)
    if known:
        check_problem(response, "cursor_invalid")
    assert "cursor_invalid" in documented_codes(path, "GET", 422)


def unknown_ids() -> Iterator[tuple[str, str, str]]:
    nouns = {
        "jobs": "job",
        "solve-jobs": "job",
        "runs": "run",
        "checkpoints": "checkpoint",
        "datasets": "dataset",
        "presets": "preset",
        "models": "model",
        "webhooks": "webhook",
        "api-keys": "api_key",
    }
    for method, path, _ in OPERATIONS:
        noun = path.split("/")[2] if path.startswith("/v1/") and "{" in path else ""
        if noun:
            yield method, path, f"{nouns.get(noun, 'problem')}_not_found"


@pytest.mark.parametrize(("method", "path", "code"), list(unknown_ids()))
@pytest.mark.parametrize("unknown", [UNKNOWN, "a%00b", "%F0%9F%A7%A9" * 80])
def test_unknown_ids_are_not_found(shared_client: TestClient, method: str, path: str, code: str, unknown: str) -> None:
    check_problem(shared_client.request(method, filled(path).replace(UNKNOWN, unknown)), code)
    assert code in documented_codes(path, method, 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (m, p)
        for m, p, operation in OPERATIONS
        if p.startswith("/v1/") and "503" in operation["responses"] and (m, p) != EXAMINED_FIRST
    ],
)
def test_without_a_database_everything_that_needs_it_says_so(
    without_database: TestClient, method: str, path: str
) -> None:
    response = without_database.request(method, filled(path), **BODIES.get(path, {}))
    check_problem(response, "database_unavailable")
    assert "database_unavailable" in documented_codes(path, method, 503)


@pytest.mark.parametrize("path", [path for method, path, _ in OPERATIONS if method == "POST" and path in BODIES])
class TestBodies:
    def test_larger_than_allowed(self, shared_client: TestClient, settings: Settings, path: str) -> None:
        headers = {"content-type": "application/json"}
        response = shared_client.post(path, content=b"[" * (settings.max_body_bytes + 1), headers=headers)
        check_problem(response, "body_too_large")
        assert "body_too_large" in documented_codes(path, "POST", 413)

    def test_missing(self, shared_client: TestClient, path: str) -> None:
        check_problem(shared_client.post(path), "request_invalid")
        assert "request_invalid" in documented_codes(path, "POST", 422)

    def test_broken(self, shared_client: TestClient, path: str) -> None:
        if path == "/v1/datasets":
            headers, content = {"content-type": "multipart/form-data; boundary=x"}, b"--y\r\nnonsense"
        else:
            headers, content = {"content-type": "application/json"}, b'{"preset": '
        check_problem(shared_client.post(path, content=content, headers=headers), "body_malformed")
        assert "body_malformed" in documented_codes(path, "POST", 400)


@pytest.mark.parametrize("path", ["/v1/training-jobs", "/v1/solve-jobs"])
def test_a_body_that_is_not_json_says_so(shared_client: TestClient, path: str) -> None:
    response = shared_client.post(path, data={"preset": "sudoku-6x6"})
    check_problem(response, "media_type_unsupported")
    assert "media_type_unsupported" in documented_codes(path, "POST", 415)


def test_unknown_paths_are_problems_too(shared_client: TestClient) -> None:
    check_problem(shared_client.get("/v1/nothing"), "route_not_found")
    check_problem(shared_client.get("/v1/jobs/"), "route_not_found")  # not a redirect built from the Host header


@pytest.mark.parametrize("path", ["/v1/solve-jobs", "/v1/training-jobs", "/v1/datasets", "/v1/checkpoints"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip", "GZIP"])
def test_encoded_bodies_are_refused_by_name(shared_client: TestClient, path: str, encoding: str) -> None:
    """Nothing inflates a body, so that none is larger than what was sent."""
    response = shared_client.post(path, content=gzip.compress(b"{}" * 1000), headers={"content-encoding": encoding})
    check_problem(response, "media_type_unsupported")
    assert encoding.lower() in response.json()["detail"]
    assert response.headers["accept-encoding"] == "identity"
    plain = shared_client.post(
        path, content=b"{}", headers={"content-encoding": "identity", "content-type": "application/json"}
    )
    assert plain.status_code == 422 or path in ("/v1/datasets", "/v1/checkpoints")
