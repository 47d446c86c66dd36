"""Every refusal says where in the request the fault is, and what may have been meant."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.gateway.conftest import Book

STAGE = {"until": 0.5, "recursions": 1, "latent_steps": 1}
TRAINING: list[tuple[dict[str, Any], str, str, str]] = [
    ({"preset": "sudoku-6x"}, "preset_unknown", "/preset", "Did you mean 'sudoku-6x6'?"),
    ({"preset": "x" * 100}, "preset_unknown", "/preset", "Choose one of"),
    ({"preset": "sudoku-6x6", "dataset": "sudoku-hart"}, "dataset_unknown", "/dataset", "Did you mean 'sudoku-hard'?"),
    ({"from_checkpoint": "ckpt_0"}, "model_unknown", "/from_checkpoint", "GET /v1/checkpoints"),
    ({"from_checkpoint": "sudoku-6x6"}, "model_unknown", "/from_checkpoint", "ships with the service"),
    ({"overrides": {"train.stepz": 1}}, "override_invalid", "/overrides/train.stepz", "Did you mean 'train.steps'?"),
    ({"overrides": {"steps": 1}}, "override_invalid", "/overrides/steps", "Did you mean 'train.steps'?"),
    ({"overrides": {"train": {"steps": 1}}}, "override_invalid", "/overrides/train", "Write 'train.steps'"),
    ({"overrides": {"train.steps": "many"}}, "override_invalid", "/overrides/train.steps", "many"),
    ({"overrides": {"train.steps": [1]}}, "override_invalid", "/overrides/train.steps", "steps"),
    ({"overrides": {"model.mixer": "mpl", "train.steps": 0}}, "override_invalid", "/overrides/model.mixer", "mlp"),
    (
        {"overrides": {"train.depth_curriculum": [STAGE, {**STAGE, "recursions": 0}]}},
        "override_invalid",
        "/overrides/train.depth_curriculum/1/recursions",
        "recursions",
    ),
    (
        {"overrides": {"train.depth_curriculum": [STAGE, STAGE]}},
        "override_invalid",
        "/overrides/train.depth_curriculum",
        "one after the other",
    ),
    ({"overides": {}}, "request_invalid", "/overides", "Did you mean 'overrides'?"),
    ({"from_checkpoint": "ckpt_0", "preset": "maze"}, "request_invalid", "/preset", "either"),
    # rules between settings: the one that was overridden
    ({"overrides": {"model.scales": 3}}, "override_invalid", "/overrides/model.scales", "multi_scale"),
    (
        {"overrides": {"model.mixer": "attention", "model.heads": 3}},
        "override_invalid",
        "/overrides/model.heads",
        "even number",
    ),
    ({"overrides": {"train.target": "closest_path"}}, "override_invalid", "/overrides/train.target", "maze"),
]


@pytest.mark.parametrize(("changes", "code", "pointer", "told"), TRAINING)
def test_of_trainings(client: TestClient, changes: dict[str, Any], code: str, pointer: str, told: str) -> None:
    body = changes if "from_checkpoint" in changes else {"preset": "sudoku-4x4", **changes}
    problem = client.post("/v1/training-jobs", json=body).json()
    assert problem["code"] == code, problem
    assert problem["errors"][0]["pointer"] == pointer
    assert told in problem["detail"]


def test_of_models(client: TestClient, book: Book) -> None:
    job = client.post("/v1/training-jobs", json={"preset": "sudoku-4x4", "name": "my-run"}).json()
    for name, told in (
        ("sudoku-6x", "Did you mean 'sudoku-6x6'?"),
        ("my-run", f"is what a run is called: give its run's id, {job['run_id']}"),
        (job["id"], f"is a job: give its run's id, {job['run_id']}"),
        ("job_0", "There is no checkpoint"),
    ):
        problem = client.post("/v1/solve-jobs", json={"model": name, "puzzle": "1"}).json()
        assert problem["code"] == "model_unknown"
        assert [item["pointer"] for item in problem["errors"]] == ["/model"]
        assert told in problem["detail"]


SOLVING: list[tuple[dict[str, Any], str, str]] = [
    ({"puzzle": "1"}, "request_invalid", "/puzzle"),  # both forms
    ({"guess_every": 2}, "request_invalid", "/guess_every"),
    ({"restart_steps": 4}, "request_invalid", "/restart_steps"),
    ({"rollouts": 2}, "config_invalid", "/rollouts"),
    ({"rollouts": 2, "noise": 0}, "config_invalid", "/rollouts"),
    ({"puzzles": ["1"]}, "puzzle_wrong_size", "/puzzles/0"),
    ({"puzzles": [["1", "2"], ["[1"]]}, "puzzle_wrong_size", "/puzzles/0"),
]


@pytest.mark.parametrize(("changes", "code", "pointer"), SOLVING)
def test_of_solve_jobs(client: TestClient, model: str, changes: dict[str, Any], code: str, pointer: str) -> None:
    problem = client.post("/v1/solve-jobs", json={"model": model, "puzzles": ["." * 16], **changes}).json()
    assert (problem["code"], problem["errors"][0]["pointer"]) == (code, pointer), problem


def test_of_names_of_data_sets(client: TestClient) -> None:
    files = {
        "file": ("a.csv", b"question,answer\n12..............,1234341221434321\n..34............,1234341221434321\n")
    }
    problem = client.post("/v1/datasets", data={"name": "sudoku-hard"}, files=files).json()
    assert (problem["code"], problem["errors"][0]["parameter"]) == ("dataset_name_taken", "name")


@pytest.mark.parametrize("name", ["state", "stat\u00fcs", "Status", "page", ""])
def test_unknown_query_parameters_are_refused(client: TestClient, name: str) -> None:
    response = client.get("/v1/jobs", params={name: "running"})
    assert (response.status_code, response.json()["code"]) == (422, "request_invalid")
    assert response.json()["errors"][0]["parameter"] == name
    assert "cursor, kind, limit, metadata, name, status, tag" in response.json()["detail"]
    assert client.get("/v1/jobs", params={"status": "running"}).status_code == 200


def test_what_may_have_been_meant(client: TestClient) -> None:
    assert "Did you mean 'status'?" in client.get("/v1/jobs?state=running").json()["detail"]
    assert "Did you mean 'limit'?" in client.get("/v1/runs?limits=1").json()["detail"]
    assert "no query parameters here" in client.post("/v1/solve-jobs?name=x", json={}).json()["detail"]
    upload = client.post("/v1/datasets", data={"name": "a", "kinds": "grid"}, files={"file": ("a", b"x")}).json()
    assert upload["errors"] == [
        {
            "detail": "There is no 'kinds'. Did you mean 'kind'? The known fields are: file, kind, name, rules, test_file.",
            "parameter": "kinds",
        }
    ]


def test_every_route_of_the_api_refuses_them(client: TestClient, app: FastAPI) -> None:
    for path, item in app.openapi()["paths"].items():
        for method in item if path.startswith("/v1") else ():
            response = client.request(method, path.replace("{index}", "0"), params={"no-such": "1"})
            assert response.status_code in (415, 422), (method, path, response.text)
    assert client.get("/livez?no-such=1").status_code == 200


def test_settings_that_are_lists_are_possible(client: TestClient) -> None:
    body = {"preset": "sudoku-4x4", "overrides": {"train.depth_curriculum": [STAGE]}}
    job = client.post("/v1/training-jobs", json=body).json()
    config = client.get(f"/v1/runs/{job['run_id']}").json()["config"]
    assert config["train"]["depth_curriculum"] == [STAGE]


@pytest.mark.parametrize("value", [None, {"a": [1, {"b": "\x00"}]}, [[[]]], "x" * 10_000, 1e308, True])
def test_values_of_any_shape_are_refused_by_name(client: TestClient, value: object) -> None:
    body = {"preset": "sudoku-4x4", "overrides": {"train.learning_rate": value}}
    problem = client.post("/v1/training-jobs", json=body).json()
    if value is True or value == 1e308:
        return  # a number after all
    assert problem["code"] == "override_invalid"
    assert problem["errors"][0]["pointer"] == "/overrides/train.learning_rate"
