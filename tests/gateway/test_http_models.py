"""Shipped models: listed with their cards, and solved with at once."""

from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.registry.jobs import completion, jobs, leases, solutions
from services.registry.states import JobStatus
from trm.interface.pretrained import names, pretrained

PUZZLE = ".1254..3..6.12....35.1245.3.1.2..3.."


def test_shipped_models_are_listed_with_their_cards(client: TestClient) -> None:
    listed = client.get("/v1/models").json()["data"]
    assert [model["name"] for model in listed] == list(names())
    for model in listed:
        assert client.get(model["links"]["self"]).json() == model
        low, high = model["test"]["interval"]
        assert low <= model["test"]["exact_accuracy"] <= high
        assert len(model["step_exact_accuracy"]) == pretrained(model["name"]).config.model.max_supervision_steps


def test_an_unknown_model_has_no_page(client: TestClient) -> None:
    response = client.get("/v1/models/sudoku-99")
    assert (response.status_code, response.json()["code"]) == (404, "model_not_found")


def test_a_solve_job_takes_a_shipped_model(client: TestClient, app: FastAPI) -> None:
    response = client.post("/v1/solve-jobs", json={"model": "sudoku-6x6", "puzzle": PUZZLE})
    assert response.status_code == 202
    job = response.json()
    assert (job["model"], job["links"]["model"]) == ("sudoku-6x6", "/v1/models/sudoku-6x6")
    with app.state.backends.database.transaction() as session:
        row = jobs.get(session, job["id"])
        assert (row.model_id, row.pretrained, row.request["model"]) == (None, "sudoku-6x6", "sudoku-6x6")
    wrong = client.post("/v1/solve-jobs", json={"model": "sudoku-6x6", "puzzle": "1" * 16})
    assert wrong.json()["code"] == "puzzle_wrong_size"


def test_its_answers_have_pictures(client: TestClient, app: FastAPI) -> None:
    job = client.post("/v1/solve-jobs", json={"model": "sudoku-6x6", "puzzle": PUZZLE}).json()
    row = solutions.SolutionRow(
        index=0, question=PUZZLE, answer="1" * 36, verified=False, halt_probability=0.5, steps=1, total_steps=1,
        reason="halted", chosen_by="only", chain=0, votes=1, chains=1, trace=None,
    )  # fmt: skip
    with app.state.backends.database.transaction() as session:
        claim = leases.claim(session, job["id"], "tests", 30)
        assert claim is not None
        solutions.add(session, claim, [row])
        completion.finish(
            session, claim, JobStatus.SUCCEEDED, result={"n": 1, "mean_supervision_steps": 1, "seconds": 1}
        )
    assert client.get(f"/v1/jobs/{job['id']}/solutions/0/picture").status_code == 200
