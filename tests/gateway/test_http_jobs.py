"""Looking at jobs, listing them, cancelling them."""

from xml.etree import ElementTree

import pytest
from fastapi.testclient import TestClient

from services.registry.jobs import completion, leases
from services.registry.jobs.transitions import Failure
from services.registry.states import JobStatus
from tests.gateway.conftest import Book

PUZZLE = "1..4.4..4.2..1.."


def solve(client: TestClient, model: str, count: int = 1) -> str:
    body = {"model": model, "puzzles": [PUZZLE] * count}
    job_id: str = client.post("/v1/solve-jobs", json=body).json()["id"]
    return job_id


def test_a_running_job_shows_its_progress(client: TestClient, book: Book) -> None:
    _, claim = book.training()
    book.heartbeat(claim, 25)
    response = client.get(f"/v1/jobs/{claim.job_id}")
    job = response.json()
    assert (job["status"], job["attempt"], job["cancel_requested"]) == ("running", 1, False)
    assert (job["progress"]["step"], job["progress"]["total"], job["progress"]["percent"]) == (25, 100, 25.0)
    assert 0 <= job["progress"]["eta_seconds"] < 60
    assert [(a["attempt"], a["worker"], a["outcome"]) for a in job["attempts"]] == [(1, "tests", None)]
    assert response.headers["retry-after"] == "2"


def test_the_estimate_counts_from_where_the_attempt_began(client: TestClient, book: Book) -> None:
    _, claim = book.training()
    with book.database.transaction() as session:
        completion.release(session, claim)
    claim = book.claim(claim.job_id)
    book.heartbeat(claim, 50)
    assert client.get("/v1/jobs").json()["data"][0]["progress"]["eta_seconds"] is None  # unknown without its attempts
    assert client.get(f"/v1/jobs/{claim.job_id}").json()["progress"]["eta_seconds"] is not None


def test_a_failed_job_shows_why(client: TestClient, book: Book) -> None:
    _, claim = book.training()
    with book.database.transaction() as session:
        failure = Failure("loss_not_finite", "The loss is nan.")
        completion.finish(session, claim, JobStatus.FAILED, failure=failure)
    response = client.get(f"/v1/jobs/{claim.job_id}")
    job = response.json()
    assert (job["status"], job["error"]) == ("failed", {"code": "loss_not_finite", "message": "The loss is nan."})
    assert job["attempts"][0]["error_code"] == "loss_not_finite"
    assert job["finished_at"]
    assert "cancel" not in job["links"]
    assert "retry-after" not in response.headers


def test_a_finished_training_shows_its_result(client: TestClient, book: Book) -> None:
    _, claim = book.training()
    with book.database.transaction() as session:
        result = {"step": 100, "seconds": 9.5, "exact_accuracy": 0.75, "peak_bytes": 1 << 30}
        completion.finish(session, claim, JobStatus.SUCCEEDED, result=result)
    assert client.get(f"/v1/jobs/{claim.job_id}").json()["result"] == {"kind": "train", **result}


def test_a_solved_job_shows_its_first_hundred_answers(client: TestClient, book: Book, model: str) -> None:
    job_id = solve(client, model, 150)
    book.solve(book.claim(job_id), 150)
    job = client.get(f"/v1/jobs/{job_id}").json()
    assert (job["result"]["n"], job["result"]["verified"]) == (150, 0)
    assert [solution["index"] for solution in job["result"]["solutions"]] == list(range(100))
    assert client.get("/v1/jobs").json()["data"][0]["result"]["solutions"] is None  # lists stay short
    first = client.get(job["links"]["solutions"], params={"limit": 100}).json()
    rest = client.get(job["links"]["solutions"], params={"limit": 100, "cursor": first["next_cursor"]}).json()
    assert (first["has_more"], rest["has_more"], rest["next_cursor"]) == (True, False, None)
    assert [solution["index"] for solution in first["data"] + rest["data"]] == list(range(150))
    violations = first["data"][0].pop("violations")
    assert [violation["rule"] for violation in violations] == ["row"] * 4 + ["column"] * 4 + ["box"] * 4
    assert first["data"][0] == {
        "index": 0, "question": "." * 16, "answer": "1" * 16, "verified": False, "halt_probability": 0.5,
        "supervision_steps": 16, "total_supervision_steps": 16, "reason": "budget", "halted": False,
        "chosen_by": "only", "chain": 0, "votes": 1, "chains": 1, "trace": None,
    }  # fmt: skip


def test_an_answer_can_be_looked_at(client: TestClient, book: Book, model: str) -> None:
    job_id = solve(client, model)
    path = f"/v1/jobs/{job_id}/solutions/0/picture"
    early = client.get(path)
    assert (early.status_code, early.json()["code"]) == (404, "solution_not_found")
    book.solve(book.claim(job_id))
    response = client.get(path)
    assert response.headers["content-type"] == "image/svg+xml"
    assert ElementTree.fromstring(response.text).tag.endswith("svg")
    assert response.text.count(">1<") >= 16
    assert client.get(f"/v1/jobs/{job_id}/solutions/7/picture").status_code == 404


def test_a_traced_answer_shows_every_step(client: TestClient, book: Book, model: str) -> None:
    job_id = solve(client, model)
    step = {
        "step": 1,
        "chain": 0,
        "answer": "1" * 16,
        "halt_probability": 0.25,
        "changed_cells": [0, 15],
        "verified": False,
    }
    book.solve(book.claim(job_id), trace=[step])
    (solution,) = client.get(f"/v1/jobs/{job_id}/solutions").json()["data"]
    assert solution["trace"] == [step]


def test_unchanged_jobs_need_no_body(client: TestClient, book: Book) -> None:
    _, claim = book.training()
    path = f"/v1/jobs/{claim.job_id}"
    tag = client.get(path).headers["etag"]
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        response = client.get(path, headers={"If-None-Match": known})
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    book.heartbeat(claim, 1)
    changed = client.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_a_queued_job_is_cancelled_at_once(client: TestClient, model: str) -> None:
    job_id = solve(client, model)
    response = client.post(f"/v1/jobs/{job_id}/cancel")
    assert (response.status_code, response.json()["status"]) == (202, "cancelled")
    assert response.headers["location"] == f"/v1/jobs/{job_id}"
    assert client.get(f"/v1/jobs/{job_id}").json() == response.json()
    again = client.post(f"/v1/jobs/{job_id}/cancel")  # a client that lost the first answer
    assert (again.status_code, again.json()) == (202, response.json())


def test_a_running_job_is_asked_to_stop(client: TestClient, book: Book) -> None:
    _, claim = book.training()
    for _ in range(2):
        response = client.post(f"/v1/jobs/{claim.job_id}/cancel")
        job = response.json()
        assert (response.status_code, job["status"], job["cancel_requested"]) == (202, "running", True)
        assert response.headers["retry-after"] == "2"
    with book.database.transaction() as session:
        assert leases.heartbeat(session, claim).cancel


def test_a_finished_job_cannot_be_cancelled(client: TestClient, book: Book, model: str) -> None:
    job_id = solve(client, model)
    book.solve(book.claim(job_id))
    before = client.get(f"/v1/jobs/{job_id}").json()
    response = client.post(f"/v1/jobs/{job_id}/cancel")
    assert (response.status_code, response.json()["code"]) == (409, "job_already_finished")
    assert client.get(f"/v1/jobs/{job_id}").json() == before


def test_pages_stay_stable_while_jobs_are_added(client: TestClient, model: str) -> None:
    old = [solve(client, model) for _ in range(7)]
    seen, cursor = [], None
    while True:
        params = {"limit": "3", "kind": "solve"} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/jobs", params=params).json()
        seen += [job["id"] for job in page["data"]]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
        if cursor is None:
            break
        solve(client, model)  # newer than the pages still to come
    assert seen == old[::-1]


def test_lists_can_be_filtered(client: TestClient, book: Book, model: str) -> None:
    cancelled, solved = solve(client, model), solve(client, model)
    client.post(f"/v1/jobs/{cancelled}/cancel")
    book.solve(book.claim(solved))

    def listed(**params: str) -> list[str]:
        return [job["id"] for job in client.get("/v1/jobs", params=params).json()["data"]]

    assert listed(status="cancelled") == [cancelled]
    assert listed(status="succeeded", kind="solve") == [solved]
    assert listed(status="succeeded", kind="train") == []
    assert len(listed(kind="train", status="running")) == 1


@pytest.mark.parametrize("of", ["runs", "checkpoints", "solutions"])
def test_a_cursor_belongs_to_its_list(client: TestClient, model: str, of: str) -> None:
    job_id, _ = solve(client, model), solve(client, model)
    cursor = client.get("/v1/jobs", params={"limit": 1}).json()["next_cursor"]
    path = f"/v1/jobs/{job_id}/solutions" if of == "solutions" else f"/v1/{of}"
    assert client.get(path, params={"cursor": cursor}).json()["code"] == "cursor_invalid"
