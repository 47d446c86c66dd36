"""Every example of a request that the OpenAPI document shows is taken, by a gateway that has what it names."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.registry.settings import Settings
from tests.gateway.conftest import Book
from tests.gateway.test_http_continue import solved
from tests.openapi import PATHS, SCHEMAS
from trm.puzzles.datasets.datasets import load
from trm.puzzles.grids import text
from trm.puzzles.spec import PuzzleSpec

NAMED = ("model", "checkpoint", "from_checkpoint")  # fields that name a model: of the service that the document is of
OWN_DATA = "my-sudokus"


def requests() -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and body of every example, with what its operation is told in the path left open."""
    for path, item in PATHS.items():
        for operation in item.values():
            for media in operation.get("requestBody", {"content": {}})["content"].values():
                schema = SCHEMAS[media["schema"]["$ref"].rpartition("/")[2]]
                yield from ((path, example) for example in schema.get("examples", ()))


EXAMPLES = list(requests())


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The webhooks of the examples can be made."""
    return settings.model_copy(update={"webhooks": True})


def upload(client: TestClient, name: str) -> PuzzleSpec:
    puzzles = load("sudoku-6x6", "test").take(40)
    rows = zip(puzzles.questions, puzzles.answers, strict=True)
    table = "question,answer\n" + "".join(f"{text(puzzles.spec, q)},{text(puzzles.spec, a)}\n" for q, a in rows)
    response = client.post("/v1/datasets", data={"name": name}, files={"file": ("own.csv", table.encode())})
    assert response.status_code == 201, response.text
    return puzzles.spec


def test_every_request_with_a_body_of_json_has_an_example() -> None:
    bodies = {
        path
        for path, item in PATHS.items()
        for operation in item.values()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    }
    assert {path for path, _ in EXAMPLES} == bodies


@pytest.mark.parametrize(("path", "example"), EXAMPLES, ids=json.dumps)
def test_an_example_is_taken(client: TestClient, book: Book, path: str, example: dict[str, Any]) -> None:
    own = upload(client, OWN_DATA)
    checkpoint = book.checkpoint(book.training(own)[1])
    body = {
        name: checkpoint if name in NAMED and value.startswith(("ckpt_", "run_")) else value
        for name, value in example.items()
    }
    if "{job_id}" in path:
        path = path.format(job_id=solved(client, book, checkpoint, text(own, load("sudoku-6x6", "test").questions[0])))
    response = client.post(path, json=body)
    assert response.status_code in (200, 201, 202), response.text
