"""Starting trainings: a preset and overrides, resolved and stored whole."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.registry.access.visibility import EVERYTHING
from services.registry.jobs import jobs
from trm.config.overrides import resolve
from trm.config.presets import PRESETS
from trm.config.run import RunConfig
from trm.puzzles.sudoku import spec_for

STEPS = PRESETS["sudoku-6x6"].train.steps


def post(client: TestClient, **body: Any) -> Any:  # noqa: ANN401
    return client.post("/v1/training-jobs", json=body)


def test_a_preset_becomes_a_queued_run(client: TestClient) -> None:
    response = post(client, preset="sudoku-6x6", name="my first")
    assert response.status_code == 202
    job = response.json()
    assert response.headers["location"] == f"/v1/jobs/{job['id']}" == job["links"]["self"]
    assert response.headers["retry-after"] == "2"
    assert (job["kind"], job["status"], job["attempt"], job["attempts"]) == ("train", "queued", 0, [])
    assert job["progress"] == {"step": 0, "total": STEPS, "percent": 0.0, "eta_seconds": None}
    run = client.get(job["links"]["run"]).json()
    assert (run["name"], run["preset"], run["dataset"]) == ("my first", "sudoku-6x6", "sudoku-6x6")
    assert (run["job_id"], run["total_steps"], run["exact_accuracy"]) == (job["id"], STEPS, None)
    assert client.get(response.headers["location"]).json() == job | {
        "queue_position": 1,
        "waiting_for": "a train worker",
    }


def test_the_whole_configuration_is_stored(client: TestClient, app: FastAPI) -> None:
    overrides = {"train.steps": 200, "train.learning_rate": 0.01, "model.mixer": "attention", "train.ema_decay": None}
    job = post(client, preset="sudoku-6x6", overrides=overrides).json()
    expected = resolve("sudoku-6x6", spec_for(6), overrides)
    assert RunConfig.model_validate(client.get(job["links"]["run"]).json()["config"]) == expected
    with app.state.backends.database.transaction() as session:
        request = jobs.get(session, EVERYTHING, job["id"]).request
    assert RunConfig.model_validate(request["config"]) == expected
    assert request["dataset"] == {"name": "sudoku-6x6", "url": None}


def test_another_dataset_can_be_trained_on(client: TestClient) -> None:
    job = post(client, preset="sudoku-6x6", dataset="sudoku-4x4").json()
    config = client.get(job["links"]["run"]).json()["config"]
    assert (config["dataset"], config["puzzle"]["rows"]) == ("sudoku-4x4", 4)


def test_submissions_are_counted(client: TestClient) -> None:
    post(client, preset="sudoku-6x6")
    assert 'trm_jobs_submitted_total{kind="train"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("body", "code", "hint"),
    [
        ({"preset": "sudoku-7x7"}, "preset_unknown", "sudoku-6x6"),
        ({"preset": "sudoku-6x6", "overrides": {"train.stepz": 5}}, "override_invalid", "train.steps"),
        ({"preset": "sudoku-6x6", "overrides": {"train.steps": -5}}, "override_invalid", "steps"),
        ({"preset": "sudoku-6x6", "overrides": {"train.loss": "cubic"}}, "override_invalid", "loss"),
        ({"preset": "sudoku-6x6", "overrides": {"train.steps": True}}, "override_invalid", "true is neither a number"),
        ({"preset": "sudoku-6x6", "priority": True}, "request_invalid", "priority"),
        ({"preset": "sudoku-6x6", "name": " "}, "request_invalid", "name"),
        ({"preset": "sudoku-6x6", "ttl_seconds": True}, "request_invalid", "ttl_seconds"),
        ({"preset": "sudoku-6x6", "dataset": "moon"}, "dataset_unknown", "sudoku-4x4"),
        ({"preset": "sudoku-6x6", "dataset": "a\0b"}, "dataset_unknown", "sudoku-4x4"),
        ({"preset": "sudoku-6x6", "datasett": "moon"}, "request_invalid", "/datasett"),
        ({"preset": "sudoku-6x6", "name": "a\0b"}, "request_invalid", "/name"),
        ({"preset": "sudoku-6x6", "overrides": {"train.steps": [1]}}, "override_invalid", "steps"),
        ({"preset": "sudoku-6x6", "\ud800": 1}, "request_invalid", "unicode"),
        ({"overrides": {}}, "request_invalid", "`preset`"),
        ([], "request_invalid", "dictionary"),
    ],
)
def test_bad_requests_leave_nothing(client: TestClient, body: object, code: str, hint: str) -> None:
    response = client.post("/v1/training-jobs", content=json.dumps(body), headers={"content-type": "application/json"})
    assert response.status_code == 422
    assert response.json()["code"] == code
    assert hint in response.json()["detail"]
    assert client.get("/v1/jobs").json()["data"] == client.get("/v1/runs").json()["data"] == []


def test_a_dry_run_says_what_the_training_would_be_and_makes_nothing(client: TestClient) -> None:
    body = {"preset": "sudoku-6x6", "dataset": "sudoku-4x4", "overrides": {"train.steps": 5, "train.batch_size": 4096}}
    response = client.post("/v1/training-jobs?dry_run=true", json=body)
    plan = response.json()
    assert response.status_code == 200
    assert client.get("/v1/jobs").json()["data"] == client.get("/v1/runs").json()["data"] == []
    job = client.post("/v1/training-jobs", json=body).json()
    assert plan["config"] == client.get(job["links"]["run"]).json()["config"]
    assert plan["estimate"] == job["estimate"]
    assert any("fewer than train.batch_size" in warning for warning in plan["estimate"]["warnings"])
    assert (plan["parent_checkpoint_id"], plan["train_puzzles"]) == (None, 1200)
    assert "CPU" in plan["hardware"]


def test_a_dry_run_from_a_checkpoint_names_it(client: TestClient, model: str) -> None:
    response = client.post("/v1/training-jobs?dry_run=true", json={"from_checkpoint": model, "dataset": "sudoku-4x4"})
    assert response.json()["parent_checkpoint_id"] == model


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"preset": "no-such"}, "preset_unknown"),
        ({"preset": "sudoku-6x6", "overrides": {"train.step": 1}}, "override_invalid"),
        ({"preset": "sudoku-6x6", "dataset": "no-such"}, "dataset_unknown"),
        ({}, "request_invalid"),
    ],
)
def test_a_dry_run_is_refused_like_the_training(client: TestClient, body: dict[str, Any], code: str) -> None:
    dry, real = (client.post(f"/v1/training-jobs?dry_run={dry}", json=body).json() for dry in ("true", "false"))
    assert (dry["code"], dry["errors"]) == (code, real["errors"])
