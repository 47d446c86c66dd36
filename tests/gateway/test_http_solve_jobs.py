"""Asking for solutions: puzzles are checked at the door, and nothing bad becomes a job."""

import threading
import time
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, update

from services.registry.access.visibility import EVERYTHING
from services.registry.db.tables import Checkpoint
from services.registry.jobs import jobs
from services.registry.settings import Settings
from tests.gateway.conftest import Book
from trm.puzzles import arc_grids as arc
from trm.puzzles import maze

PUZZLE = "1..4.4..4.2..1.."
ROWS: list[list[str | int | None]] = [[1, 0, None, 4], ["", 4, ".", 0], ["4", ".", "2", "_"], [0, 1, 0, 0]]


def post(client: TestClient, headers: dict[str, str] | None = None, **body: Any) -> Response:  # noqa: ANN401
    return client.post("/v1/solve-jobs", json=body, headers=headers)


def stored(app: FastAPI, job_id: str) -> dict[str, Any]:
    with app.state.backends.database.transaction() as session:
        return jobs.get(session, EVERYTHING, job_id).request


def test_one_puzzle_becomes_a_queued_job(client: TestClient, app: FastAPI, model: str) -> None:
    response = post(client, model=model, puzzle=PUZZLE)
    assert response.status_code == 202
    job = response.json()
    assert response.headers["location"] == job["links"]["self"] == f"/v1/jobs/{job['id']}"
    assert response.headers["retry-after"] == "1"
    assert (job["kind"], job["status"], job["model"], job["progress"]["total"]) == ("solve", "queued", model, 1)
    nothing = {"effort": {}, "trace": False}
    assert stored(app, job["id"]) == {"model": model, "puzzles": [PUZZLE], **nothing}


@pytest.mark.parametrize(
    "puzzle",
    [
        PUZZLE,
        PUZZLE.replace(".", "0"),
        "1..4\n.4..\n4.2.\n.1..\n",
        ROWS,
        [c for row in ROWS for c in row],
        list(PUZZLE),
    ],
)
def test_every_way_to_write_a_puzzle(client: TestClient, app: FastAPI, model: str, puzzle: object) -> None:
    job = post(client, model=model, puzzles=[puzzle, PUZZLE], max_steps=8, halt_threshold=0.9, trace=True).json()
    wanted = {"effort": {"max_steps": 8, "halt_threshold": 0.9}, "trace": True}
    assert stored(app, job["id"]) == {"model": model, "puzzles": [PUZZLE, PUZZLE], **wanted}


def test_a_run_stands_for_its_newest_checkpoint(client: TestClient, book: Book) -> None:
    run, claim = book.training()
    book.checkpoint(claim, 100)
    newest = book.checkpoint(claim, 200)
    assert post(client, model=run, puzzle=PUZZLE).json()["model"] == newest


def test_a_run_without_a_checkpoint_is_not_ready(client: TestClient, book: Book) -> None:
    run, _ = book.training()
    response = post(client, model=run, puzzle=PUZZLE)
    assert (response.status_code, response.json()["code"]) == (409, "model_not_ready")


@pytest.mark.parametrize("model", ["ckpt_none", "run_none", "", "a\0b", "run_a\0b"])
def test_an_unknown_model_is_refused(client: TestClient, model: str) -> None:
    response = post(client, model=model, puzzle=PUZZLE)
    assert (response.status_code, response.json()["code"]) == (422, "model_unknown")


@pytest.mark.parametrize(
    ("puzzle", "code", "hint"),
    [
        (PUZZLE[:-1], "puzzle_wrong_size", "15"),
        ("", "puzzle_wrong_size", "0"),
        (ROWS[:3], "puzzle_wrong_size", "3 rows"),
        (["1..", ".4..", "4.2.", ".1.."], "puzzle_wrong_size", ""),
        (PUZZLE.replace("2", "7"), "puzzle_unknown_symbol", "ow 3, column 3"),
        ([[1, 0, 0, 5], *ROWS[1:]], "puzzle_unknown_symbol", "ow 1, column 4"),
        ("11..............", "puzzle_contradictory", "row 1 column 2"),
    ],
)
def test_bad_puzzles_are_refused_with_index_and_cell(
    client: TestClient, model: str, puzzle: object, code: str, hint: str
) -> None:
    problem = post(client, model=model, puzzles=[PUZZLE, puzzle]).json()
    assert (problem["status"], problem["code"]) == (422, code)
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/puzzles/1", code)]
    assert hint in problem["errors"][0]["detail"]
    assert "Puzzle 1" in problem["detail"]
    assert client.get("/v1/jobs", params={"kind": "solve"}).json()["data"] == []
    single = post(client, model=model, puzzle=puzzle).json()
    assert single["errors"][0]["pointer"] == "/puzzle"


def test_all_bad_puzzles_are_named_up_to_a_hundred(client: TestClient, model: str) -> None:
    problem = post(client, model=model, puzzles=["1", PUZZLE, "9" * 16]).json()
    assert problem["code"] == "puzzle_wrong_size"
    assert [error["code"] for error in problem["errors"]] == ["puzzle_wrong_size", "puzzle_unknown_symbol"]
    assert len(post(client, model=model, puzzles=["1"] * 200).json()["errors"]) == 100


@pytest.mark.parametrize(
    ("puzzle", "code"),
    [
        (PUZZLE, None),
        ("." * 16, "puzzle_multiple_solutions"),
        ("12....3.........", "puzzle_unsolvable"),
        ("11..............", "puzzle_contradictory"),
    ],
)
def test_a_unique_solution_can_be_required(client: TestClient, model: str, puzzle: str, code: str | None) -> None:
    without = post(client, model=model, puzzle=puzzle).status_code
    assert without == (422 if code == "puzzle_contradictory" else 202)
    response = post(client, model=model, puzzle=puzzle, require_unique_solution=True)
    assert response.status_code == (202 if code is None else 422)
    assert response.json().get("code") == code


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ({}, "either"),
        ({"puzzle": PUZZLE, "puzzles": [PUZZLE]}, "either"),
        ({"puzzles": []}, "/puzzles"),
        ({"puzzle": 7}, "/puzzle"),
        ({"puzzle": [[[1]]]}, "/puzzle"),
        ({"puzzle": [True] * 16}, "/puzzle"),
        ({"puzzles": [PUZZLE, {"a": 1}]}, "/puzzles/1"),
        ({"puzzle": PUZZLE, "max_steps": 0}, "/max_steps"),
        ({"puzzle": PUZZLE, "max_steps": 1025}, "/max_steps"),
        ({"puzzle": PUZZLE, "halt_threshold": 1.5}, "/halt_threshold"),
        ({"puzzle": PUZZLE, "halt_treshold": 0.5}, "/halt_treshold"),
        ({"puzzles": [PUZZLE] * 101, "trace": True}, "/trace"),
        ({"puzzles": [PUZZLE] * 26, "trace": True, "views": 4}, "/trace"),
        ({"puzzles": [PUZZLE] * 500, "views": 256}, "/puzzles"),
        ({"puzzle": PUZZLE, "rollouts": 16, "views": 17}, "/rollouts"),
        ({"puzzle": PUZZLE, "until_verified": True, "halt_threshold": 0.5}, "/until_verified"),
        ({"puzzle": PUZZLE, "until_verified": True, "stable_steps": 2}, "/until_verified"),
        ({"puzzle": PUZZLE, "choose": "first"}, "/choose"),
        ({"puzzle": PUZZLE, "choose": "mine"}, "/choose"),
        ({"puzzle": PUZZLE, "noise": -1}, "/noise"),
        ({"puzzles": [PUZZLE] * 101, "require_unique_solution": True}, "/puzzles"),
    ],
)
def test_bad_options_are_refused(client: TestClient, model: str, body: dict[str, Any], hint: str) -> None:
    problem = post(client, model=model, **body).json()
    assert (problem["status"], problem["code"]) == (422, "request_invalid")
    assert hint in problem["detail"]
    assert not hint.startswith("/") or hint == problem["errors"][0]["pointer"]


def test_an_effort_that_the_model_cannot_make_is_refused(client: TestClient, model: str) -> None:
    problem = post(client, model=model, puzzle=PUZZLE, rollouts=4).json()
    assert (problem["status"], problem["code"]) == (422, "config_invalid")
    assert "noise" in problem["detail"]
    assert [error["pointer"] for error in problem["errors"]] == ["/rollouts"]


@pytest.mark.parametrize(
    ("effort", "pointer"), [({"until_verified": True}, "/until_verified"), ({"views": 9}, "/views")]
)
def test_what_a_kind_of_puzzle_does_not_allow_is_refused(
    client: TestClient, book: Book, effort: dict[str, Any], pointer: str
) -> None:
    puzzle, spec = "S G ", maze.spec_for(2, 2)
    if "until_verified" in effort:
        spec = spec.model_copy(update={"kind": "grid"})
    model = book.checkpoint(book.training(spec)[1])
    problem = post(client, model=model, puzzle=puzzle, **effort).json()
    assert (problem["status"], problem["code"]) == (422, "config_invalid")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


def test_mazes_can_be_solved(client: TestClient, app: FastAPI, book: Book) -> None:
    model = book.checkpoint(book.training(maze.spec_for(2, 3))[1])
    job = post(client, model=model, puzzles=["S.#\n..G", [["S", " ", "#"], [" ", " ", "G"]]], views=2).json()
    assert stored(app, job["id"])["puzzles"] == ["S #  G"] * 2
    problem = post(client, model=model, puzzle="S # SG").json()
    assert problem["code"] == "puzzle_contradictory"


def test_arc_tasks_are_refused(client: TestClient, book: Book) -> None:
    model = book.checkpoint(book.training(arc.SPEC)[1])
    problem = post(client, model=model, puzzle="0" * 900).json()
    assert (problem["status"], problem["code"]) == (422, "request_invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["/model"]
    assert "python -m trm arc" in problem["detail"]


def test_everything_that_can_be_asked_reaches_the_worker(client: TestClient, app: FastAPI, model: str) -> None:
    effort: dict[str, Any] = {
        "max_steps": 40, "rollouts": 3, "noise": 0.3, "views": 2, "until_verified": True, "seed": 7,
    }  # fmt: skip
    job = post(client, model=model, puzzle=PUZZLE, **effort).json()
    assert stored(app, job["id"])["effort"] == effort
    other: dict[str, Any] = {"stable_steps": 2, "choose": "votes", "views": 2}
    job = post(client, model=model, puzzle=PUZZLE, **other).json()
    assert stored(app, job["id"])["effort"] == other


def test_too_many_puzzles_are_refused(client: TestClient, model: str, settings: Settings) -> None:
    problem = post(client, model=model, puzzles=[PUZZLE] * (settings.max_puzzles_per_job + 1)).json()
    assert (problem["status"], problem["code"]) == (422, "request_invalid")
    assert problem["errors"][0]["pointer"] == "/puzzles"


def test_a_run_means_its_newest_checkpoint_every_time(client: TestClient, book: Book) -> None:
    run, claim = book.training()
    for step in (100, 200):
        newest = book.checkpoint(claim, step)
        assert post(client, model=run, puzzle=PUZZLE).json()["model"] == newest


def test_a_model_that_was_unknown_once_is_found_later(client: TestClient, book: Book) -> None:
    run, claim = book.training()
    assert post(client, model=run, puzzle=PUZZLE).json()["code"] == "model_not_ready"
    assert post(client, model="ckpt_later", puzzle=PUZZLE).json()["code"] == "model_unknown"
    model = book.checkpoint(claim)
    for name in (run, model, model):
        assert post(client, model=name, puzzle=PUZZLE).status_code == 202


def test_a_model_that_was_retired_since_it_was_looked_at_is_refused(client: TestClient, book: Book, model: str) -> None:
    assert post(client, model=model, puzzle="1").json()["code"] == "puzzle_wrong_size"  # its configuration is known now
    with book.database.transaction() as session:
        session.execute(update(Checkpoint).where(Checkpoint.id == model).values(retired_at=func.now()))
    response = post(client, model=model, puzzle=PUZZLE)
    assert (response.status_code, response.json()["code"]) == (422, "model_unknown")
    assert client.get("/v1/jobs", params={"kind": "solve"}).json()["data"] == []


def test_waiting_answers_with_the_finished_job(client: TestClient, book: Book, model: str) -> None:
    def work() -> None:
        while not (waiting := client.get("/v1/jobs", params={"kind": "solve"}).json()["data"]):
            time.sleep(0.02)
        book.solve(book.claim(waiting[0]["id"]))

    worker = threading.Thread(target=work)
    worker.start()
    response = post(client, {"Prefer": "respond-async, wait=20"}, model=model, puzzle=PUZZLE)
    worker.join()
    assert response.status_code == 200
    assert response.headers["preference-applied"] == "wait=20"
    assert "retry-after" not in response.headers
    job = response.json()
    assert job["status"] == "succeeded"
    assert [solution["answer"] for solution in job["result"]["solutions"]] == ["1" * 16]


def test_waiting_in_vain_answers_with_the_unfinished_job(client: TestClient, model: str) -> None:
    begun = time.monotonic()
    response = post(client, {"Prefer": "wait=1"}, model=model, puzzle=PUZZLE)
    assert 0.9 < time.monotonic() - begun < 5
    assert (response.status_code, response.json()["status"]) == (202, "queued")
    assert response.headers["retry-after"] == "1"
    assert "preference-applied" not in response.headers


@pytest.mark.parametrize("prefer", ["respond-async", "wait=0", "wait=soon", "wait=-1"])
def test_other_preferences_do_not_wait(client: TestClient, model: str, prefer: str) -> None:
    assert post(client, {"Prefer": prefer}, model=model, puzzle=PUZZLE).status_code == 202


def test_an_answer_that_breaks_rules_says_which(client: TestClient, book: Book, model: str) -> None:
    job = client.post("/v1/solve-jobs", json={"model": model, "puzzle": "." * 16}).json()
    book.solve(book.claim(job["id"]))  # sixteen times the same digit
    shown = client.get(f"/v1/jobs/{job['id']}").json()["result"]["solutions"][0]
    assert shown == client.get(f"/v1/jobs/{job['id']}/solutions").json()["data"][0] | {"trace": shown["trace"]}
    assert [one["rule"] for one in shown["violations"]] == ["row"] * 4 + ["column"] * 4 + ["box"] * 4
    assert shown["violations"][0]["cells"] == [0, 1, 2, 3]
    assert shown["violations"][0]["detail"] == "The digit '1' stands 4 times in row 1."
