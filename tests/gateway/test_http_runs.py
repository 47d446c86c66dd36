"""Runs with their curves, evaluations and checkpoints."""

import csv
import io

import pytest
from fastapi.testclient import TestClient

from services.registry.jobs.leases import Claim
from services.registry.runs import evaluations
from tests.gateway.conftest import Book


@pytest.fixture
def training(book: Book) -> tuple[str, Claim]:
    return book.training()


def evaluate(book: Book, claim: Claim, step: int, split: str, accuracy: float) -> None:
    event = dict.fromkeys(evaluations.COLUMNS, 0.5) | {"step": step, "split": split, "n": 10, "verified": None}
    arrays = {"halted": [0.5, None], "halt_probability": [0.5, None], "step_exact_accuracy": [0.5, None]}
    with book.database.transaction() as session:
        evaluations.add(session, claim, event | arrays | {"exact_accuracy": accuracy})


def test_the_curve_can_be_read_in_parts(client: TestClient, book: Book, training: tuple[str, Claim]) -> None:
    run, claim = training
    for step in range(10, 101, 10):
        book.metric(claim, step)
    path = f"/v1/runs/{run}/metrics"
    whole = client.get(path).json()
    assert [row["step"] for row in whole["data"]] == list(range(10, 101, 10))
    assert whole["next_after_step"] is None
    first = whole["data"][0]
    assert (first["slots"], first["halted"], first["step_exact_accuracy"]) == ([3, 0], [0.5, None], [0.25, None])
    part = client.get(path, params={"limit": 4}).json()
    assert part["next_after_step"] == 40
    rest = client.get(path, params={"after_step": 40}).json()
    assert part["data"] + rest["data"] == whole["data"]
    thinned = client.get(path, params={"every": 50}).json()
    assert [row["step"] for row in thinned["data"]] == [50, 100]
    assert client.get(f"/v1/runs/{run}").json()["step"] == 100


def test_evaluations_are_listed(client: TestClient, book: Book, training: tuple[str, Claim]) -> None:
    run, claim = training
    evaluate(book, claim, 50, "validation", 0.5)
    (evaluation,) = client.get(f"/v1/runs/{run}/evaluations").json()["data"]
    assert (evaluation["step"], evaluation["split"], evaluation["n"]) == (50, "validation", 10)
    assert (evaluation["verified"], evaluation["halted"]) == (None, [0.5, None])


def test_a_run_shows_its_last_its_best_and_its_test_accuracy(
    client: TestClient, book: Book, training: tuple[str, Claim]
) -> None:
    def accuracies() -> tuple[float | None, ...]:
        shown = client.get(f"/v1/runs/{run}").json()
        return shown["exact_accuracy"], shown["best_exact_accuracy"], shown["test_exact_accuracy"]

    run, claim = training
    assert accuracies() == (None, None, None)
    evaluate(book, claim, 50, "validation", 0.5)
    evaluate(book, claim, 60, "validation", 0.25)
    assert accuracies() == (0.25, 0.5, None)
    evaluate(book, claim, 60, "test", 0.75)
    assert accuracies() == (0.75, 0.5, 0.75)
    rows = client.get(f"/v1/runs/{run}/evaluations").json()["data"]
    assert [(row["step"], row["split"]) for row in rows] == [(50, "validation"), (60, "validation"), (60, "test")]
    assert client.get("/v1/runs").json()["data"][0]["best_exact_accuracy"] == 0.5


def test_checkpoints_are_listed_by_run_and_over_all(
    client: TestClient, book: Book, training: tuple[str, Claim]
) -> None:
    run, claim = training
    mine = [book.checkpoint(claim, step) for step in (50, 100)]
    other = book.checkpoint(book.training()[1])
    of_run = client.get(f"/v1/runs/{run}/checkpoints").json()["data"]
    assert [checkpoint["id"] for checkpoint in of_run] == mine[::-1]
    over_all = client.get("/v1/checkpoints", params={"limit": 2}).json()
    assert [checkpoint["id"] for checkpoint in over_all["data"]] == [other, mine[1]]
    last = client.get("/v1/checkpoints", params={"cursor": over_all["next_cursor"]}).json()["data"]
    assert [checkpoint["id"] for checkpoint in last] == [mine[0]]
    one = client.get(last[0]["links"]["self"]).json()
    assert one == last[0]
    assert (one["step"], one["run_id"], one["metrics"]) == (50, run, {"exact_accuracy": 0.5})


def test_runs_are_listed(client: TestClient, book: Book) -> None:
    ids = [book.training()[0] for _ in range(3)]
    page = client.get("/v1/runs", params={"limit": 2}).json()
    rest = client.get("/v1/runs", params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert [run["id"] for run in page["data"] + rest["data"]] == ids[::-1]
    assert "config" not in page["data"][0]
    assert client.get(page["data"][0]["links"]["self"]).json()["config"]["preset"] == "sudoku-6x6"


def test_a_curve_in_a_number_of_points(client: TestClient, book: Book) -> None:
    run_id, claim = book.training()
    for step in range(1, 41):
        book.metric(claim, step)
    answer = client.get(f"/v1/runs/{run_id}/metrics?max_points=10").json()
    steps = [row["step"] for row in answer["data"]]
    assert (steps[0], steps[-1], answer["next_after_step"]) == (1, 40, None)
    assert len(steps) <= 10
    assert len(client.get(f"/v1/runs/{run_id}/metrics?max_points=40&limit=1").json()["data"]) == 40
    refused = client.get(f"/v1/runs/{run_id}/metrics?max_points=10&every=2").json()
    assert (refused["code"], refused["errors"][0]["parameter"]) == ("request_invalid", "every")


def test_a_curve_is_told_as_a_table(client: TestClient, book: Book) -> None:
    run, claim = book.training()
    for step in (5, 10, 15):
        book.metric(claim, step)
    asked = {"Accept": "text/csv"}
    first = client.get(f"/v1/runs/{run}/metrics", params={"limit": 2}, headers=asked)
    assert first.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(first.text)))
    assert [(row["step"], row["loss"], row["slots_1"], row["halted_2"]) for row in rows] == [
        ("5", "0.5", "3", ""),
        ("10", "0.5", "3", ""),
    ]
    following = first.links["next"]["url"]
    second = client.get(following, headers=asked)
    assert [row["step"] for row in csv.DictReader(io.StringIO(second.text))] == ["15"]
    assert "Link" not in second.headers
    assert client.get(f"/v1/runs/{run}/metrics").json()["data"][0]["step"] == 5  # JSON unless asked otherwise
