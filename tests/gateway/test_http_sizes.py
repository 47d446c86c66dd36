"""A model whose body knows no size: its puzzles may have any, and those of a job have one."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.gateway.conftest import Book
from tests.gateway.test_http_solve_jobs import PUZZLE, post, stored
from trm.puzzles.datasets.datasets import load
from trm.puzzles.grids import text
from trm.puzzles.maze import spec_for as maze_of
from trm.puzzles.sudoku import spec_for


@pytest.fixture
def sudoku(book: Book) -> str:
    """A checkpoint of the preset `sudoku`, trained on 9x9."""
    return book.checkpoint(book.training(spec_for(9), preset="sudoku")[1])


@pytest.mark.parametrize("name", ["sudoku-4x4", "sudoku-6x6", "sudoku-hard"])
def test_a_sudoku_of_every_size_is_taken(client: TestClient, app: FastAPI, sudoku: str, name: str) -> None:
    puzzles = load(name, "test")
    shown = text(puzzles.spec, puzzles.questions[0])
    response = post(client, model=sudoku, puzzle=shown)
    assert response.status_code == 202, response.json()
    request = stored(app, response.json()["id"])
    assert request["puzzles"] == [shown]
    assert request.get("puzzle", {}).get("rows", 9) == puzzles.spec.rows


def test_a_maze_of_another_shape_is_taken_and_its_shape_recorded(client: TestClient, app: FastAPI, book: Book) -> None:
    maze = book.checkpoint(book.training(maze_of(30, 30), preset="maze")[1])
    response = post(client, model=maze, puzzle=["S  #", "##  ", "   G"])
    assert response.status_code == 202, response.json()
    spec = stored(app, response.json()["id"])["puzzle"]
    assert (spec["rows"], spec["cols"]) == (3, 4)


@pytest.mark.parametrize("puzzle", [["S  G"], [["S", " ", " ", "G"]]])
def test_a_maze_may_have_one_row(client: TestClient, app: FastAPI, puzzle: object) -> None:
    response = post(client, model="maze", puzzle=puzzle)
    assert response.status_code == 202, response.json()
    request = stored(app, response.json()["id"])
    assert (request["puzzles"], request["puzzle"]["rows"], request["puzzle"]["cols"]) == (["S  G"], 1, 4)


def test_the_puzzles_of_a_job_have_one_size(client: TestClient, sudoku: str) -> None:
    six = load("sudoku-6x6", "test")
    response = post(client, model=sudoku, puzzles=[PUZZLE, text(six.spec, six.questions[0])])
    assert (response.status_code, response.json()["code"]) == (422, "puzzle_wrong_size")
    assert [error["pointer"] for error in response.json()["errors"]] == ["/puzzles/1"]


def test_a_size_that_there_is_not_is_refused(client: TestClient, sudoku: str) -> None:
    response = post(client, model=sudoku, puzzle="." * 25)
    assert response.status_code == 422
    assert "5x5" in response.json()["errors"][0]["detail"]


def test_answers_are_judged_and_drawn_in_their_own_size(client: TestClient, sudoku: str, book: Book) -> None:
    job_id = post(client, model=sudoku, puzzle=PUZZLE).json()["id"]
    book.solve(book.claim(job_id))
    job = client.get(f"/v1/jobs/{job_id}").json()
    assert job["result"]["solutions"][0]["violations"]
    assert client.get(f"/v1/jobs/{job_id}/solutions/0/picture").status_code == 200


HEX = "0123456789ABCDEF"


def test_a_given_0_of_a_large_sudoku_is_kept_or_refused(
    client: TestClient, app: FastAPI, sudoku: str, book: Book
) -> None:
    puzzle = HEX + "." * 240
    refused = post(client, model=sudoku, puzzle=puzzle).json()
    assert refused["code"].startswith("puzzle_")
    assert "'0' beside '.'" in refused["errors"][0]["detail"]
    assert "1-9A-G" in refused["errors"][0]["detail"]
    zero_based = spec_for(16).model_copy(update={"symbols": (".", *HEX)})
    own = book.checkpoint(book.training(zero_based, preset="sudoku-extreme")[1])
    taken = post(client, model=own, puzzle=puzzle)
    assert taken.status_code == 202, taken.text
    assert stored(app, taken.json()["id"])["puzzles"] == [puzzle]
