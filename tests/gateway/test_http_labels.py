"""Names, tags and metadata: given with a job, shown with it and its run, and searched by."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

LABELS = {"name": "Extreme 100%", "tags": ["nightly", "team:vision"], "metadata": {"ticket": "A-7", "note": "a: b"}}


def train(client: TestClient, **labels: object) -> dict[str, Any]:
    response = client.post("/v1/training-jobs", json={"preset": "sudoku-6x6", **labels})
    assert response.status_code == 202, response.text
    job: dict[str, Any] = response.json()
    return job


def found(client: TestClient, noun: str = "runs", **query: str | list[str]) -> list[str | None]:
    response = client.get(f"/v1/{noun}", params=query)
    assert response.status_code == 200, response.text
    return [row["name"] for row in response.json()["data"]]


def test_a_training_and_its_run_carry_them(client: TestClient) -> None:
    job = train(client, **LABELS)
    shown = client.get(job["links"]["self"]).json()
    run = client.get(job["links"]["run"]).json()
    for answer in (job, shown, run):
        assert {name: answer[name] for name in LABELS} == LABELS
    bare = train(client)
    assert (bare["name"], bare["tags"], bare["metadata"]) == (None, [], {})


def test_a_solve_job_carries_them(client: TestClient, model: str) -> None:
    body = {"model": model, "puzzle": "1..4.4..4.2..1..", **LABELS}
    job = client.post("/v1/solve-jobs", json=body).json()
    assert {name: job[name] for name in LABELS} == LABELS


@pytest.mark.parametrize("noun", ["jobs", "runs"])
def test_they_are_searched_by(client: TestClient, noun: str) -> None:
    train(client, **LABELS)
    train(client, name="other", tags=["nightly"], metadata={"ticket": "A-8"})
    train(client)
    both = ["other", LABELS["name"]]
    assert found(client, noun) == [None, *both]
    assert found(client, noun, name="EXTREME") == [LABELS["name"]]
    assert found(client, noun, name="0%") == [LABELS["name"]]
    assert found(client, noun, name="_ther") == []  # no wildcard
    assert found(client, noun, tag="nightly") == both
    assert found(client, noun, tag=["nightly", "team:vision"]) == [LABELS["name"]]
    assert found(client, noun, metadata="ticket:A-8") == ["other"]
    assert found(client, noun, metadata=["ticket:A-7", "note:a: b"]) == [LABELS["name"]]
    assert found(client, noun, metadata="ticket:A-7", tag="nightly", name="other") == []


def test_a_search_goes_on_page_by_page(client: TestClient) -> None:
    for number in range(3):
        train(client, name=f"n{number}", tags=["x"])
        train(client, name="between")
    page = client.get("/v1/runs?tag=x&limit=2").json()
    assert [row["name"] for row in page["data"]] == ["n2", "n1"]
    rest = client.get("/v1/runs", params={"tag": "x", "limit": 2, "cursor": page["next_cursor"]}).json()
    assert ([row["name"] for row in rest["data"]], rest["has_more"]) == (["n0"], False)


@pytest.mark.parametrize(
    "labels",
    [
        {"tags": ["with blank"]},
        {"tags": [f"t{n}" for n in range(17)]},
        {"metadata": {f"k{n}": "" for n in range(17)}},
        {"metadata": {"k": "x" * 513}},
        {"metadata": {"with blank": ""}},
        {"metadata": {"k": 1}},
        {"name": " "},
    ],
)
def test_what_is_none_is_refused(client: TestClient, labels: dict[str, object]) -> None:
    problem = client.post("/v1/training-jobs", json={"preset": "sudoku-6x6", **labels}).json()
    assert problem["code"] == "request_invalid"
    assert problem["errors"][0]["pointer"].startswith(f"/{next(iter(labels))}")


@pytest.mark.parametrize("query", ["tag=with%20blank", "metadata=nocolon", "metadata=k:1&metadata=k:2", "name="])
def test_searches_that_mean_nothing_are_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/jobs?{query}").json()["code"] == "request_invalid"
