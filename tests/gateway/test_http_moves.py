"""What the owner of a job can do with it: pause, resume, retry, say how soon."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.registry.jobs import completion, jobs, leases, queue
from services.registry.jobs.leases import Claim
from services.registry.jobs.transitions import Failure
from services.registry.settings import Settings
from services.registry.states import JobKind, JobStatus
from tests.conftest import wait_until
from tests.gateway.conftest import Book


def train(client: TestClient, **body: Any) -> Any:  # noqa: ANN401
    response = client.post("/v1/training-jobs", json={"preset": "sudoku-6x6", **body})
    assert response.status_code == 202, response.text
    return response.json()


def move(client: TestClient, job_id: str, name: str, status: int = 202) -> Any:  # noqa: ANN401
    response = client.post(f"/v1/jobs/{job_id}/{name}")
    assert response.status_code == status, response.text
    return response.json()


def fail(book: Book, claim: Claim) -> None:
    with book.database.transaction() as session:
        completion.finish(session, claim, JobStatus.FAILED, failure=Failure("trainer_died", "It died."))


def test_a_queued_job_is_paused_and_resumed(client: TestClient) -> None:
    job = train(client)
    paused = move(client, job["id"], "pause")
    assert (paused["status"], paused["pause_requested"]) == ("paused", True)
    assert set(paused["links"]) >= {"resume", "cancel"}
    assert "retry-after" not in client.post(f"/v1/jobs/{job['id']}/pause").headers
    resumed = move(client, job["id"], "resume")
    assert (resumed["status"], resumed["pause_requested"]) == ("queued", False)
    assert set(resumed["links"]) >= {"pause", "cancel"}


def test_a_running_job_is_asked_to_pause(client: TestClient, book: Book) -> None:
    _, claim = book.training()
    job = move(client, claim.job_id, "pause")
    assert (job["status"], job["pause_requested"]) == ("running", True)
    with book.database.transaction() as session:
        completion.release(session, claim)
    assert client.get(f"/v1/jobs/{claim.job_id}").json()["status"] == "paused"
    assert [job["id"] for job in client.get("/v1/jobs?status=paused").json()["data"]] == [claim.job_id]
    assert move(client, claim.job_id, "cancel")["status"] == "cancelled"


def test_a_failed_job_is_retried_under_its_id(client: TestClient, book: Book, settings: Settings) -> None:
    _, claim = book.training()
    fail(book, claim)
    job = move(client, claim.job_id, "retry")
    assert (job["status"], job["attempt"], job["max_attempts"]) == ("queued", 1, 1 + settings.max_attempts)
    assert (job["error"], job.get("finished_at")) == (None, None)
    assert [attempt["error_code"] for attempt in job["attempts"]] == ["trainer_died"]
    again = book.claim(claim.job_id)
    assert again.attempt == 2
    events = client.get(f"/v1/jobs/{claim.job_id}/events", headers={"Accept": "application/json"}).json()
    assert [event["type"] for event in events["data"]] == ["done", "retried"]
    assert not events["finished"]


def test_a_worker_is_told_of_a_retry(client: TestClient, app: FastAPI, book: Book) -> None:
    job = train(client)
    move(client, job["id"], "cancel")
    move(client, job["id"], "retry")
    wait_until(lambda: queue.messages_waiting(app.state.backends.queue, JobKind.TRAIN) == 2)


@pytest.mark.parametrize("name", ["resume", "retry"])
def test_a_move_that_is_not_legal_names_the_state(client: TestClient, name: str) -> None:
    job = train(client)
    problem = move(client, job["id"], name, 409)
    assert problem["code"] == "job_move_refused"
    assert "queued" in problem["detail"]


def test_what_has_ended_well_cannot_be_moved(client: TestClient, book: Book) -> None:
    _, claim = book.training()
    with book.database.transaction() as session:
        completion.finish(session, claim, JobStatus.SUCCEEDED, result={})
    assert move(client, claim.job_id, "pause", 409)["code"] == "job_already_finished"
    assert move(client, claim.job_id, "retry", 409)["code"] == "job_move_refused"
    assert {"pause", "resume", "retry", "cancel"}.isdisjoint(client.get(f"/v1/jobs/{claim.job_id}").json()["links"])


def test_a_job_says_how_soon_it_is_wanted(client: TestClient, book: Book) -> None:
    patient, urgent = train(client), train(client, priority=5, ttl_seconds=60, timeout_seconds=3600)
    assert (urgent["priority"], urgent["ttl_seconds"], urgent["timeout_seconds"]) == (5, 60, 3600)
    assert (patient["priority"], patient["ttl_seconds"], patient["timeout_seconds"]) == (0, None, None)
    with book.database.transaction() as session:
        row = jobs.get(session, urgent["id"])
        assert row.expires_at is not None
        assert (row.expires_at - row.created_at).total_seconds() == 60
        claim = leases.claim_next(session, JobKind.TRAIN, patient["id"], "tests", 30)
        assert claim is not None
        assert claim.job_id == urgent["id"]


@pytest.mark.parametrize("wish", [{"priority": 11}, {"priority": -11}, {"ttl_seconds": 0}, {"timeout_seconds": 0}])
def test_a_wish_out_of_bounds_is_refused(client: TestClient, model: str, wish: dict[str, int]) -> None:
    bodies = {
        "/v1/training-jobs": {"preset": "sudoku-6x6"},
        "/v1/solve-jobs": {"model": model, "puzzle": "1" + 15 * "."},
    }
    for path, body in bodies.items():
        response = client.post(path, json=body | wish)
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, f"/{next(iter(wish))}")


def test_a_training_begins_with_the_weights_of_a_checkpoint(client: TestClient, book: Book, app: FastAPI) -> None:
    run_id, claim = book.training()
    checkpoint = book.checkpoint(claim)
    body = {"from_checkpoint": checkpoint, "dataset": "sudoku-4x4", "overrides": {"train.steps": 7}, "name": "fork"}
    response = client.post("/v1/training-jobs", json=body)
    assert response.status_code == 202, response.text
    job = response.json()
    run = client.get(job["links"]["run"]).json()
    assert run["parent_checkpoint_id"] == checkpoint
    assert run["links"]["parent"] == f"/v1/checkpoints/{checkpoint}"
    assert (run["id"] != run_id, run["step"], run["total_steps"], run["name"]) == (True, 0, 7, "fork")
    parent = client.get(f"/v1/runs/{run_id}").json()
    assert parent["parent_checkpoint_id"] is None
    assert run["config"]["model"] == parent["config"]["model"]
    assert run["config"]["train"] == parent["config"]["train"] | {"steps": 7}
    with app.state.backends.database.transaction() as session:
        assert jobs.get(session, job["id"]).request["weights"] == checkpoint


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"overrides": {"model.hidden_size": 8}}, "override_invalid"),
        ({"dataset": "sudoku-6x6"}, "override_invalid"),
        ({"from_checkpoint": "ckpt_unknown"}, "model_unknown"),
        ({"preset": "sudoku-6x6"}, "request_invalid"),
        ({"overrides": {"train.stepz": 5}}, "override_invalid"),
    ],
)
def test_a_fork_that_cannot_be_is_refused(client: TestClient, model: str, changes: dict[str, Any], code: str) -> None:
    response = client.post("/v1/training-jobs", json={"from_checkpoint": model, "dataset": "sudoku-4x4"} | changes)
    assert (response.status_code, response.json()["code"]) == (422, code)
