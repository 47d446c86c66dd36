"""JSON nested too deeply, or of too many values, is refused before it is parsed."""

import json

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.middleware import json_limits
from services.gateway.middleware.json_limits import MOST_FIELDS, MOST_VALUES, Extent, measure

JSON = st.recursive(
    st.none() | st.integers() | st.text('[]{},:"\\a'),
    lambda deeper: (
        st.lists(deeper, max_size=3) | st.dictionaries(st.text('[]{},:"\\a', max_size=4), deeper, max_size=3)
    ),
)


def nested(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(nested, value.values()), default=0)
    return 1 + max(map(nested, value), default=0) if isinstance(value, list) else 0


def members(value: object) -> tuple[int, int]:
    """How many commas and colons JSON needs."""
    if not isinstance(value, dict | list):
        return 0, 0
    parts = list(map(members, value.values() if isinstance(value, dict) else value))
    commas, colons = sum(part[0] for part in parts), sum(part[1] for part in parts)
    return commas + max(len(value) - 1, 0), colons + (len(value) if isinstance(value, dict) else 0)


@given(JSON, st.sampled_from([1, 2, 7, 1 << 20]))
def test_it_is_measured_as_it_is_parsed(value: object, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_limits, "PIECE_BYTES", piece)
        assert measure(json.dumps(value).encode()) == Extent(nested(value), *members(value))


@pytest.mark.parametrize(
    ("text", "found"),
    [(b"", 0), (b"]]]", 0), (b"[[[", 3), (b'["[[[[', 1), (b'["\\"[[["]', 1), (b"}{[]", 1), (b'[{"a": [1]}, []]', 3)],
)
def test_depth_of_what_is_no_json(text: bytes, found: int) -> None:
    assert measure(text).depth == found


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("text", "found"), [(b"[]", 1), (b'"\\', 0), (b"[", 8 << 20), (b'"[', 4 << 20), (b'"ab",', 0)])
def test_large_bodies_are_looked_through(text: bytes, found: int) -> None:
    assert measure(text * (8 << 20)).depth == found  # a parser in Python would take minutes


@pytest.mark.parametrize("path", ["/v1/solve-jobs", "/v1/training-jobs"])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_bodies_are_refused(client: TestClient, path: str, opening: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = client.post(path, content=opening * 33, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "body_too_deep")
    assert client.post(path, content=opening * 100_000, headers=headers).json()["code"] == "body_too_deep"
    chunks = iter([opening * 20, opening * 20])
    assert client.post(path, content=chunks, headers=headers).json()["code"] == "body_too_deep"
    assert client.post(path, content=opening * 32, headers=headers).json()["code"] == "body_malformed"


@pytest.mark.parametrize("path", ["/v1/solve-jobs", "/v1/training-jobs", "/v1/webhooks"])
@pytest.mark.parametrize(
    "body",
    [
        '{"model":"m","puzzles":[[' + "0," * MOST_VALUES + "0]]}",
        '{"tags":[' + '"ab",' * (MOST_VALUES + 1) + '"ab"]}',
        "{" + ",".join(f'"k{i}":1' for i in range(MOST_FIELDS + 1)) + "}",
        '{"overrides":{' + ",".join(f'"k{i}":1' for i in range(MOST_FIELDS + 1)) + "}}",
    ],
    ids=["numbers", "texts", "fields", "fields within"],
)
def test_bodies_of_many_values_are_refused(client: TestClient, path: str, body: str) -> None:
    """Of 32 MiB, such a body took the gateway 3 GB, and minutes in which it gave no answer."""
    response = client.post(path, content=body, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_commas_and_colons_in_texts_are_no_values(client: TestClient) -> None:
    body = {"model": "sudoku-6x6", "puzzle": "1," * 40_000, "name": "a:" * 100, "tags": [":" * 40] * 16}
    response = client.post("/v1/solve-jobs", json=body)
    assert response.status_code == 422


def test_one_puzzle_has_no_more_cells_than_a_grid(client: TestClient) -> None:
    for puzzle in ([0] * 100_000, [[0] * 100_000], [[0]] * 100_000):
        response = client.post("/v1/solve-jobs", json={"model": "sudoku-6x6", "puzzle": puzzle})
        assert response.status_code == 422
        assert "cells" in response.json()["detail"]
