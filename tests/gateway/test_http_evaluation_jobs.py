"""Evaluation jobs: checked at the door, and shown with their report."""

from typing import Any

import pytest
import torch
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.registry.jobs import completion, jobs
from services.registry.states import JobStatus
from tests.gateway.conftest import Book
from trm.evaluation.examine import examine
from trm.interface.effort import Effort
from trm.interface.pretrained import pretrained
from trm.puzzles.datasets.datasets import load
from trm.solving.solver import Solver

HOME = "/v1/evaluation-jobs"


def post(client: TestClient, **body: object) -> Any:  # noqa: ANN401
    return client.post(HOME, json=body)


def test_a_shipped_model_is_examined_on_its_own_test_split_unless_told_otherwise(
    client: TestClient, app: FastAPI
) -> None:
    response = post(client, model="sudoku-6x6", limit=50, views=2, tags=["nightly"], priority=3)
    assert response.status_code == 202, response.text
    job = response.json()
    assert (job["kind"], job["status"], job["model"], job["priority"]) == ("evaluate", "queued", "sudoku-6x6", 3)
    assert (job["tags"], job["progress"]["total"]) == (["nightly"], 50)
    assert job["links"]["model"] == "/v1/models/sudoku-6x6"
    assert response.headers["retry-after"] == "2"
    with app.state.backends.database.transaction() as session:
        request = jobs.get(session, job["id"]).request
    assert request == {
        "model": "sudoku-6x6",
        "dataset": {"name": "sudoku-6x6", "url": None},
        "split": "test",
        "limit": 50,
        "effort": {"views": 2},
    }


def test_a_checkpoint_on_another_set(client: TestClient, model: str) -> None:
    job = post(client, model=model, dataset="sudoku-4x4", split="validation", limit=100_000).json()
    assert job["links"]["model"] == f"/v1/checkpoints/{model}"
    assert job["progress"]["total"] == len(load("sudoku-4x4", "validation"))
    assert client.get("/v1/jobs?kind=evaluate").json()["data"][0]["id"] == job["id"]


def test_the_report_is_shown_with_the_job(client: TestClient, book: Book) -> None:
    job_id = post(client, model="sudoku-6x6", limit=5).json()["id"]
    solver = Solver.load(pretrained("sudoku-6x6").folder, "cpu")
    torch.set_num_threads(1)
    report = examine(solver, load("sudoku-6x6", "test").take(5), Effort(max_steps=2))
    claim = book.claim(job_id)
    said = {"dataset": "sudoku-6x6", "split": "test", "effort": {"max_steps": 2}, "seconds": 0.5}
    with book.database.transaction() as session:
        result = said | {"report": report.model_dump(mode="json")}
        completion.finish(session, claim, JobStatus.SUCCEEDED, result=result)
    shown = client.get(f"/v1/jobs/{job_id}").json()["result"]
    assert shown == {"kind": "evaluate", **result}
    assert [step["step"] for step in shown["report"]["steps"]] == [1, 2]


def test_it_is_moved_like_other_jobs(client: TestClient) -> None:
    home = f"/v1/jobs/{post(client, model='sudoku-6x6').json()['id']}"
    moves = [client.post(f"{home}/{move}").json()["status"] for move in ("pause", "resume", "cancel", "retry")]
    assert moves == ["paused", "queued", "cancelled", "queued"]


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        ({"model": "no-such"}, "model_unknown", "/model"),
        ({"model": "sudoku-6x6", "dataset": "no-such"}, "dataset_unknown", "/dataset"),
        ({"model": "sudoku-6x6", "dataset": "sudoku-4x4"}, "request_invalid", "/dataset"),
        ({"model": "sudoku-6x6", "dataset": "arc-1"}, "request_invalid", "/dataset"),
        ({"model": "sudoku-6x6", "split": "dev"}, "request_invalid", "/split"),
        ({"model": "sudoku-6x6", "limit": 0}, "request_invalid", "/limit"),
        ({"model": "sudoku-6x6", "limit": 100_000, "views": 2}, "request_invalid", "/limit"),
        ({"model": "sudoku-6x6", "rollouts": 4}, "config_invalid", "/rollouts"),
        ({"model": "sudoku-6x6", "steps": 8}, "request_invalid", "/steps"),
        ({}, "request_invalid", "/model"),
    ],
)
def test_what_cannot_be_examined_is_refused(client: TestClient, body: dict[str, object], code: str, place: str) -> None:
    problem = client.post(HOME, json=body).json()
    assert (problem["code"], problem["errors"][0]["pointer"]) == (code, place)
