"""Continuing a finished solve: what may be asked, of which jobs, and what the new job is."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import delete, update

from services.registry.access.visibility import EVERYTHING
from services.registry.db.tables import Job, KeptCarry
from services.registry.jobs import jobs
from services.registry.settings import Settings
from tests.gateway.conftest import Book
from trm.interface.pretrained import pretrained

PUZZLE = "1..4.4..4.2..1.."
CHAINS: dict[str, Any] = {"rollouts": 2, "noise": 0.3, "views": 2, "seed": 5}
SHIPPED = ".1254..3..6.12....35.1245.3.1.2..3.."  # of 6x6


def solved(client: TestClient, book: Book, model: str, puzzle: str = PUZZLE, **asked: Any) -> str:  # noqa: ANN401
    """The id of a solve that has succeeded, with 16 steps, and left a carry if it was to."""
    body = {"model": model, "puzzle": puzzle, "keep_carry": True, **asked}
    job = client.post("/v1/solve-jobs", json=body).json()
    book.solve(book.claim(job["id"]), carry=b"state" if body["keep_carry"] else None)
    return str(job["id"])


def go_on(client: TestClient, job_id: str, headers: dict[str, str] | None = None, **body: Any) -> Response:  # noqa: ANN401
    return client.post(f"/v1/solve-jobs/{job_id}/continue", json=body, headers=headers)


def stored(app: FastAPI, job_id: str) -> Job:
    with app.state.backends.database.transaction() as session:
        job = jobs.get(session, EVERYTHING, job_id)
        assert job.request
        return job


def test_the_chains_stay_and_the_rules_are_new(client: TestClient, app: FastAPI, book: Book, model: str) -> None:
    earlier = solved(client, book, model, max_steps=16, halt_threshold=0.5, **CHAINS)
    response = go_on(client, earlier, max_steps=24, halt_threshold=0.9, trace=True, name="deeper", priority=3)
    assert response.status_code == 202
    job = response.json()
    assert response.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["kind"], job["status"], job["model"], job["continues"]) == ("solve", "queued", model, earlier)
    assert (job["name"], job["priority"], job["progress"]["total"]) == ("deeper", 3, 1)
    asked = {"model": model, "puzzles": [PUZZLE], "trace": True}
    assert stored(app, job["id"]).request == asked | {"effort": {"max_steps": 24, "halt_threshold": 0.9, **CHAINS}}


def test_nothing_said_is_as_many_steps_more(client: TestClient, app: FastAPI, book: Book, model: str) -> None:
    for steps, budget in ((16, 32), (20, 36), (1020, 1024)):
        earlier = solved(client, book, model, max_steps=steps)
        later = client.post(f"/v1/solve-jobs/{earlier}/continue").json()
        assert stored(app, later["id"]).request["effort"] == {"max_steps": budget}


def test_the_job_says_that_it_can_be_continued(client: TestClient, book: Book, model: str) -> None:
    earlier = client.get(f"/v1/jobs/{solved(client, book, model)}").json()
    assert earlier["links"]["continue"] == f"/v1/solve-jobs/{earlier['id']}/continue"
    assert (earlier["result"]["carry_bytes"], earlier["continues"]) == (len(b"state"), None)
    other = client.get(f"/v1/jobs/{solved(client, book, model, keep_carry=False)}").json()
    assert "continue" not in other["links"]


def test_a_continued_job_can_be_continued(client: TestClient, app: FastAPI, book: Book, model: str) -> None:
    later = go_on(client, solved(client, book, model), keep_carry=True).json()["id"]
    book.solve(book.claim(later), carry=b"more")
    assert stored(app, go_on(client, later).json()["id"]).request["effort"] == {"max_steps": 48}


def test_chains_that_restart_go_on_until_the_rules_agree(client: TestClient, app: FastAPI, book: Book) -> None:
    search: dict[str, Any] = {"until_verified": True, "restart_steps": 8, "guess_every": 2}
    earlier = solved(client, book, "sudoku", max_steps=16, **search)
    later = go_on(client, earlier, max_steps=64).json()
    request = stored(app, later["id"]).request
    assert request["effort"] == {"max_steps": 64, **search}
    assert request["puzzle"]["rows"] == 4  # another size than the model's own
    refused = go_on(client, earlier, halt_threshold=0.5)
    assert (refused.status_code, refused.json()["code"]) == (422, "config_invalid")
    assert refused.json()["errors"][0]["pointer"] == "/halt_threshold"


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"max_steps": 16}, "config_invalid", "/max_steps"),
        ({"max_steps": 1025}, "request_invalid", "/max_steps"),
        ({"rollouts": 2}, "request_invalid", "/rollouts"),
        ({"model": "sudoku"}, "request_invalid", "/model"),
        ({"until_verified": True, "halt_threshold": 0.5}, "request_invalid", "/until_verified"),
    ],
)
def test_what_cannot_be_asked(
    client: TestClient, book: Book, model: str, body: dict[str, Any], code: str, pointer: str
) -> None:
    response = go_on(client, solved(client, book, model), **body)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert response.json()["errors"][0]["pointer"] == pointer


def test_a_trace_is_kept_of_few_chains(client: TestClient, book: Book, model: str) -> None:
    earlier = solved(client, book, model, rollouts=101, noise=0.1)
    response = go_on(client, earlier, trace=True)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/trace")


def test_only_some_jobs_can_be_continued(client: TestClient, app: FastAPI, book: Book, model: str) -> None:
    training, waiting = (
        book.training()[1].job_id,
        client.post("/v1/solve-jobs", json={"model": model, "puzzle": PUZZLE}).json()["id"],
    )
    for job_id in (training, waiting, solved(client, book, model, keep_carry=False)):
        response = go_on(client, job_id)
        assert (response.status_code, response.json()["code"]) == (409, "job_not_continuable")
    missing = go_on(client, "job_none")
    assert (missing.status_code, missing.json()["code"]) == (404, "job_not_found")
    expired = solved(client, book, model)
    with app.state.backends.database.transaction() as session:
        session.execute(delete(KeptCarry))
    response = go_on(client, expired)
    assert (response.status_code, response.json()["code"]) == (410, "carry_expired")


def test_a_shipped_model_that_is_another_since_is_refused(client: TestClient, app: FastAPI, book: Book) -> None:
    earlier = solved(client, book, "sudoku-6x6", SHIPPED)
    assert stored(app, earlier).request["weights"] == pretrained("sudoku-6x6").digest
    assert go_on(client, earlier).status_code == 202
    for changed in ({"weights": "0" * 64}, {"model": "sudoku-7x7"}):
        with app.state.backends.database.transaction() as session:
            request = stored(app, earlier).request | changed
            session.execute(update(Job).where(Job.id == earlier).values(request=request))
        response = go_on(client, earlier)
        assert (response.status_code, response.json()["code"]) == (409, "model_changed")


def test_the_same_key_continues_once(client: TestClient, book: Book, model: str) -> None:
    one, other = solved(client, book, model), solved(client, book, model)
    mark = {"Idempotency-Key": "k"}
    first, again, elsewhere = go_on(client, one, mark), go_on(client, one, mark), go_on(client, other, mark)
    assert first.json()["id"] == again.json()["id"] != elsewhere.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"
    reused = go_on(client, one, mark, max_steps=99)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")


def test_a_carry_larger_than_the_service_keeps_is_refused(settings: Settings, model: str) -> None:
    from services.gateway.app import create_app

    app = create_app(settings.model_copy(update={"max_carry_bytes": 100_000}))
    with TestClient(app, base_url="http://localhost") as client:
        body = {"model": "sudoku-6x6", "puzzle": SHIPPED, "keep_carry": True}
        assert client.post("/v1/solve-jobs", json=body).status_code == 202
        response = client.post("/v1/solve-jobs", json=body | {"rollouts": 9, "noise": 0.1})
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/keep_carry")
        assert "TRM_MAX_CARRY_BYTES" in response.json()["detail"]
    app.state.backends.close()
