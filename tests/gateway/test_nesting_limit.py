"""JSON nested too deeply is refused before it is parsed."""

import json

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.middleware.nesting_limit import depth

JSON = st.recursive(
    st.none() | st.integers() | st.text('[]{}"\\a'),
    lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(st.text('[]{}"\\a', max_size=4), deeper, max_size=3),
)


def nested(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(nested, value.values()), default=0)
    return 1 + max(map(nested, value), default=0) if isinstance(value, list) else 0


@given(JSON)
def test_depth_is_that_of_the_parsed_value(value: object) -> None:
    assert depth(json.dumps(value).encode()) == nested(value)


@pytest.mark.parametrize(
    ("text", "found"),
    [(b"", 0), (b"]]]", 0), (b"[[[", 3), (b'["[[[[', 1), (b'["\\"[[["]', 1), (b"}{[]", 1), (b'[{"a": [1]}, []]', 3)],
)
def test_depth_of_what_is_no_json(text: bytes, found: int) -> None:
    assert depth(text) == found


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("text", "found"), [(b"[]", 1), (b'"\\', 0), (b"[", 8 << 20), (b'"[', 4 << 20)])
def test_large_bodies_are_looked_through(text: bytes, found: int) -> None:
    assert depth(text * (8 << 20)) == found  # a parser in Python would take minutes


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
