"""Every puzzle that is printed anywhere has one answer, and the shipped model finds it as printed."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from services.gateway.schemas.solve_job import SolveJobRequest
from services.gateway.schemas.training_job import TrainingJobRequest
from tests.gateway.conftest import app, client
from trm.interface.effort import Effort
from trm.interface.pretrained import pretrained
from trm.puzzles import grids, rules, search
from trm.puzzles.sudoku import spec_for
from trm.solving.solver import Solver

__all__ = ["app", "client"]
ROOT = Path(__file__).parents[2]
SOURCES = ("services", "trm", "workers")
PRINTED = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "docs/openapi.json")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "docs").rglob("*.ipynb")),
    *sorted((ROOT / "services/console/src").rglob("*.ts*")),
    *sorted((ROOT / "trm").rglob("*.md")),
    *(path for folder in SOURCES for path in sorted((ROOT / folder).rglob("*.py"))),
]
GRID = re.compile(r"(?<![\w.])[0-9A-G._]{16,}(?![\w.])")
ALPHABET = "123456789"  # of large Sudokus, which is no puzzle
JIGSAWS = (32, 72, 162)  # cells and their regions
MODEL = "sudoku-6x6"


def puzzles() -> Iterator[tuple[Path, str]]:
    seen = set()
    for path in PRINTED:
        for found in GRID.findall(path.read_text()):
            if found not in seen and not found.startswith(ALPHABET) and len(found) in (16, 36, 81, 256, *JIGSAWS):
                seen.add(found)
                yield path, found


FOUND = list(puzzles())


def test_puzzles_are_printed() -> None:
    assert {len(puzzle) for _, puzzle in FOUND} >= {16, 36, 81}


@pytest.mark.parametrize(("path", "puzzle"), FOUND, ids=lambda value: getattr(value, "name", value))
def test_each_has_one_answer(path: Path, puzzle: str) -> None:
    spec = grids.resize(spec_for(9), puzzle)
    tokens = grids.parse(spec, puzzle)
    rules.require_consistent(spec, tokens)
    search.require_unique(spec, tokens)


def test_the_shipped_model_solves_those_of_its_size() -> None:
    model = pretrained(MODEL)
    solver = Solver.load(model.folder)
    size = model.config.puzzle.cells
    questions = [puzzle for _, puzzle in FOUND if len(puzzle) == size]
    assert len(questions) >= 2
    tokens = [grids.parse(solver.spec, question) for question in questions]
    for question, given, solution in zip(
        questions, tokens, solver.solve_tokens(np.stack(tokens), Effort(halt_threshold=0.5)), strict=True
    ):
        assert solution.verified, question
        assert solution.tokens.tolist() == search.require_unique(solver.spec, given).tolist()


@pytest.mark.slow
def test_the_shipped_model_of_every_size_solves_all_of_them() -> None:
    solver = Solver.load(pretrained("sudoku").folder)
    questions = [puzzle for _, puzzle in FOUND if len(puzzle) not in JIGSAWS]
    assert {len(question) for question in questions} >= {16, 36, 81}
    for question, solution in zip(questions, solver.solve_all(questions), strict=True):
        spec, given = solver.parse(question)
        assert solution.verified, question
        assert solution.tokens.tolist() == search.require_unique(spec, given).tolist()


def examples(model: type[Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = model.model_json_schema()["examples"]
    return found


@pytest.mark.parametrize("example", examples(SolveJobRequest), ids=json.dumps)
def test_examples_of_solve_jobs_are_taken(client: TestClient, example: dict[str, Any]) -> None:
    response = client.post("/v1/solve-jobs", json={**example, "model": MODEL})
    assert response.status_code == 202, response.text


FRESH = [
    example for example in examples(TrainingJobRequest) if "from_checkpoint" not in example
]  # tests/acceptance continues from one


@pytest.mark.parametrize("example", FRESH, ids=json.dumps)
def test_examples_of_training_jobs_are_taken(client: TestClient, example: dict[str, Any]) -> None:
    example.pop("dataset", None)
    response = client.post("/v1/training-jobs", json=example)
    assert response.status_code == 202, response.text


def test_answers_printed_in_the_interface_are_right() -> None:
    from services.gateway.schemas.solution import Solution

    for example in Solution.model_json_schema()["examples"]:
        spec = spec_for(math.isqrt(len(example["question"])))
        question, answer = grids.parse(spec, example["question"]), grids.parse(spec, example["answer"])
        assert rules.check(spec, question, answer) is example["verified"] is True
