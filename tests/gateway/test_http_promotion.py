"""A name for a checkpoint: solved with, moved on, moved back, each owner's own."""

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from services.registry.access.scopes import Scope
from services.registry.db.database import Database
from services.registry.jobs import completion
from services.registry.runs import checkpoints
from services.registry.settings import Settings
from services.registry.states import JobStatus
from tests.gateway.conftest import Book
from tests.gateway.keys import guarded, header

HOME, PUZZLE = "/v1/models/sudoku-prod", "1..4.4..4.2..1.."


def promote(
    client: TestClient, checkpoint: str, headers: dict[str, str] | None = None, name: str = "sudoku-prod"
) -> Response:
    return client.post("/v1/models", json={"name": name, "checkpoint": checkpoint}, headers=headers)


def test_a_name_is_solved_with_moved_on_and_back(client: TestClient, book: Book) -> None:
    run, claim = book.training()
    first, second = book.checkpoint(claim, 50), book.checkpoint(claim, 100)
    made = promote(client, first)
    assert (made.status_code, made.json()["version"], made.json()["checkpoint_id"]) == (200, 1, first)

    def solves_with() -> str:
        job = client.post("/v1/solve-jobs", json={"model": "sudoku-prod", "puzzle": PUZZLE}).json()
        return str(job["model"])

    assert solves_with() == first
    assert promote(client, run).json()["checkpoint_id"] == second  # the run's newest
    assert solves_with() == second
    assert promote(client, second).json()["version"] == 2  # nothing has changed
    promote(client, first)
    assert solves_with() == first
    assert client.get(HOME).json()["version"] == 3
    pages = client.get(f"{HOME}/versions?limit=2").json()
    assert [(v["version"], v["checkpoint_id"]) for v in pages["data"]] == [(3, first), (2, second)]
    rest = client.get(f"{HOME}/versions", params={"cursor": pages["next_cursor"]}).json()
    assert [v["version"] for v in rest["data"]] == [1]
    assert [model["name"] for model in client.get("/v1/models").json()["promoted"]] == ["sudoku-prod"]
    job = client.post("/v1/evaluation-jobs", json={"model": "sudoku-prod", "dataset": "sudoku-4x4"}).json()
    assert job["model"] == first


def test_what_a_name_points_at_is_kept_until_the_name_is_forgotten(client: TestClient, book: Book) -> None:
    _, claim = book.training()
    kept, spare, last = (book.checkpoint(claim, step) for step in (10, 20, 30))
    promote(client, kept)
    promote(client, last)
    with book.database.transaction() as session:
        checkpoints.retire(session, claim, keep=1)
        assert {row.id for row in checkpoints.page(session).items} >= {kept, last}
        completion.finish(session, claim, JobStatus.SUCCEEDED)
    assert client.delete(f"/v1/checkpoints/{kept}").json()["code"] == "checkpoint_in_use"
    assert client.delete(HOME).status_code == 204
    assert client.get(HOME).json()["code"] == "model_not_found"
    assert client.get(f"{HOME}/versions").json()["code"] == "model_not_found"
    assert client.delete(HOME).json()["code"] == "model_not_found"
    assert client.delete(f"/v1/checkpoints/{kept}").status_code == 204
    assert spare != last


@pytest.mark.parametrize(
    ("name", "checkpoint", "code"),
    [
        ("sudoku-6x6", None, "model_name_taken"),
        ("mine", "ckpt_x", "model_unknown"),
        ("mine", "sudoku-6x6", "model_unknown"),
        ("run_x", None, "request_invalid"),
        ("Mine", None, "request_invalid"),
    ],
)
def test_what_no_name_can_be_given_to(
    client: TestClient, model: str, name: str, checkpoint: str | None, code: str
) -> None:
    assert promote(client, checkpoint or model, name=name).json()["code"] == code


def test_names_are_each_owners(settings: Settings, database: Database) -> None:
    with guarded(settings) as client:
        alice, bob = header(database, "alice"), header(database, "bob")
        book = Book(client.app.state.backends)  # type: ignore[attr-defined]
        job = client.post("/v1/training-jobs", json={"preset": "sudoku-6x6"}, headers=alice).json()
        hers = book.checkpoint(book.claim(job["id"]))
        assert promote(client, hers, bob).json()["code"] == "model_unknown"
        assert promote(client, hers, alice).status_code == 200
        for method, path in (("GET", HOME), ("GET", f"{HOME}/versions"), ("DELETE", HOME)):
            assert client.request(method, path, headers=bob).json()["code"] == "model_not_found"
        assert client.get("/v1/models", headers=bob).json()["promoted"] == []
        body = {"model": "sudoku-prod", "puzzle": "." * 36}
        assert client.post("/v1/solve-jobs", json=body, headers=bob).json()["code"] == "model_unknown"
        assert client.post("/v1/solve-jobs", json=body, headers=alice).status_code == 202
        solver = header(database, "alice", Scope.SOLVE)
        assert promote(client, hers, solver).json()["code"] == "scope_missing"
