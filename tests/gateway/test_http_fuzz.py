"""Whatever is sent, the answer is ours: success or a problem, never a mistake."""

import gzip
import json
from contextlib import suppress
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trm.errors import PuzzleError
from trm.puzzles import grids, maze, rules
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import spec_for

pytestmark = pytest.mark.slow
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANYTHING = st.recursive(
    LEAVES, lambda deeper: st.lists(deeper, max_size=5) | st.dictionaries(st.text(max_size=5), deeper)
)
CELLS = st.none() | st.integers(-1, 10) | st.sampled_from([".", "", "1", "4", "0", "\0", "\ud800", "🧩", "12"])
GRIDS = (
    st.text("1234.0_ \n\0", max_size=20)
    | st.lists(CELLS, max_size=17)
    | st.lists(st.lists(CELLS, max_size=5), max_size=5)
)
KEYS = ["train.steps", "train.seed", "train.ema_decay", "train.loss", "model.mixer", "model.heads", "puzzle.rows", ""]
SOLVE: dict[str, st.SearchStrategy[Any]] = {
    "puzzle": GRIDS | ANYTHING,
    "puzzles": st.lists(GRIDS, max_size=4) | ANYTHING,
    "max_steps": st.integers() | ANYTHING,
    "halt_threshold": st.floats() | ANYTHING,
    "stable_steps": st.integers() | ANYTHING,
    "until_verified": st.booleans() | ANYTHING,
    "rollouts": st.integers() | ANYTHING,
    "noise": st.floats() | ANYTHING,
    "views": st.integers() | ANYTHING,
    "seed": st.integers() | ANYTHING,
    "choose": st.sampled_from(["votes", "first"]) | ANYTHING,
    "trace": ANYTHING,
    "keep_carry": ANYTHING,
    "require_unique_solution": st.booleans(),
}
TRAIN: dict[str, st.SearchStrategy[Any]] = {
    "preset": st.just("sudoku-6x6") | ANYTHING,
    "overrides": st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), ANYTHING, max_size=3) | ANYTHING,
    "dataset": st.sampled_from(["sudoku-4x4", "a\0", "\ud800", "../x"]) | ANYTHING,
    "name": ANYTHING,
}


def check(client: TestClient, path: str, body: object) -> None:
    content = json.dumps(body)  # NaN and lone surrogates included
    response = client.post(path, content=content, headers={"content-type": "application/json"})
    assert response.status_code in (202, 400, 413, 422), (content, response.text)
    assert response.json()


@few
@given(body=st.fixed_dictionaries({}, optional=SOLVE))
def test_solving(client: TestClient, model: str, body: dict[str, Any]) -> None:
    check(client, "/v1/solve-jobs", body | {"model": model})


@few
@given(body=st.fixed_dictionaries({}, optional=TRAIN) | ANYTHING)
def test_training(client: TestClient, body: object) -> None:
    check(client, "/v1/training-jobs", body)


@pytest.mark.parametrize("kind", ["sudoku", "maze", "grid"])
@few
@given(rows=st.lists(st.fixed_dictionaries({}, optional={"question": GRIDS, "answer": GRIDS, "rating": ANYTHING})))
def test_uploading(client: TestClient, kind: str, rows: list[dict[str, Any]]) -> None:
    content = "\n".join(map(json.dumps, rows)).encode()
    response = client.post("/v1/datasets", data={"name": "fuzz", "kind": kind}, files={"file": ("a", content)})
    assert response.status_code in (201, 409, 422), (content, response.text)


@few
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_uploading_noise(client: TestClient, content: bytes) -> None:
    header = b"question,answer\n"
    for noise in (content, header + content, b"\x1f\x8b" + content):
        response = client.post("/v1/datasets", data={"name": "fuzz", "kind": "grid"}, files={"file": ("a", noise)})
        assert response.status_code in (201, 409, 422), (noise, response.text)


@few
@given(
    content=st.binary(max_size=400),
    cut=st.integers(0, 60),
    flip=st.integers(0, 10_000),
    kind=st.sampled_from(["sudoku", "grid"]),
)
def test_uploading_damaged_gzip(client: TestClient, content: bytes, cut: int, flip: int, kind: str) -> None:
    packed = bytearray(gzip.compress(b"question,answer\n" + content, mtime=0))
    packed[flip % len(packed)] ^= 0x55
    for damaged in (bytes(packed), bytes(packed[: len(packed) - cut]), bytes(packed) * 2):
        response = client.post("/v1/datasets", data={"name": "fuzz", "kind": kind}, files={"file": ("a.gz", damaged)})
        assert response.status_code in (201, 409, 422), (damaged, response.text)


@few
@given(
    spec=st.sampled_from([spec_for(4), spec_for(9), maze.spec_for(5, 5)]),
    given_=GRIDS | st.text("1234.#oSG ", min_size=16, max_size=25),
)
def test_puzzles_alone(spec: PuzzleSpec, given_: Any) -> None:  # noqa: ANN401
    with suppress(PuzzleError):
        rules.require_consistent(spec, grids.parse(spec, given_))
