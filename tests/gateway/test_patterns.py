"""Every pattern of the API is told in words."""

import re
from collections.abc import Iterator
from typing import Any

from fastapi.testclient import TestClient

from services.gateway.problems.patterns import WORDS
from tests.openapi import DOCUMENT


def patterns_of(part: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(part, dict):
        if isinstance(pattern := part.get("pattern"), str):
            yield pattern
        yield from part.get("patternProperties", {})
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from patterns_of(inner)


def test_every_pattern_has_words_and_no_other() -> None:
    assert set(patterns_of(DOCUMENT)) == set(WORDS)


def test_a_refused_text_is_told_in_words(client: TestClient) -> None:
    body = {"preset": "sudoku-4x4", "tags": ["two words"], "metadata": {"a key": "1"}}
    problem = client.post("/v1/training-jobs", json=body).json()
    assert problem["status"] == 422
    told = {error["pointer"]: error["detail"] for error in problem["errors"]}
    assert told["/tags/0"] == WORDS[r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$"]
    assert not any(re.search(r"\^\[|pattern", detail) for detail in told.values())
