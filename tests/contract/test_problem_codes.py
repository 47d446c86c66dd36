"""The registry of problem codes is whole: each code is said once, by its class, and the documents say the same."""

import re
from collections import Counter
from pathlib import Path

import pytest

from services.gateway.problems.catalogue import ANSWERS, CATALOGUE, COMMANDS, OUTCOMES, Entry
from services.gateway.problems.errors import PartsRefused
from tests.openapi import PATHS
from trm.client import ApiError
from trm.client.transport import KEY_IN_USE
from trm.errors import CodedError

ROOT = Path(__file__).parents[2]
SOURCES = [
    path for room in ("trm", "services", "workers", "migrations") for path in sorted((ROOT / room).rglob("*.py"))
]
TEXT = "\n".join(path.read_text() for path in SOURCES)
PAGE = (ROOT / "docs/reference/errors.md").read_text()
NO_ROUTES = {  # what no route says of itself
    *("route_not_found", "method_not_allowed", "connections_too_many", "foreign_page"),  # answered before one is found
    *("schema_behind", "schema_ahead"),  # in the middle of a deployment
    "broker_unavailable",  # jobs are accepted without it
}


def every_error(root: type[CodedError] = CodedError) -> set[type[CodedError]]:
    """All classes below the root that the service and the library define."""
    below = {error for error in root.__subclasses__() if error.__module__.startswith(("trm", "services", "workers"))}
    return below | {inner for error in below for inner in every_error(error)}


WITH_CODE = {error for error in every_error() if "code" in vars(error)}
ABSTRACT = every_error() - WITH_CODE - {PartsRefused, ApiError}  # these take the code of what they refuse, or quote


def test_every_error_is_in_the_registry_exactly_once() -> None:
    entries = [entry.error for entry in (*ANSWERS, *OUTCOMES, *COMMANDS)]
    assert Counter(entries) == Counter(WITH_CODE)
    assert len(CATALOGUE) == len(entries)  # no two have the same code


def test_no_error_without_a_code_is_raised() -> None:
    assert {"TrmError", "RegistryError", "GatewayError", "NotFound"} <= {error.__name__ for error in ABSTRACT}
    for error in ABSTRACT:
        assert not re.search(rf"\b{error.__name__}\((?!\w+\):)", TEXT), error


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_code_is_written_once(code: str) -> None:
    asked_again = code == KEY_IN_USE  # the client, which imports no service, must know this one
    assert len(re.findall(rf"""["']{code}["']""", TEXT)) == 1 + asked_again


def test_no_error_has_a_code_that_is_not_seen_here() -> None:
    written = re.findall(r'^(?:    code = |class \w+\([\w, ]+, code=)"([a-z_]+)"', TEXT, re.MULTILINE)
    assert sorted(written) == sorted(CATALOGUE)


def row(entry: Entry) -> str:
    cells = [f"`{entry.code}`", *([] if entry.status is None else [str(entry.status)]), f"{entry.title}.", entry.advice]
    return f"| {' | '.join(cells)} |"


def test_the_reference_has_a_row_for_each_and_no_other() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert rows == [row(entry) for entry in (*ANSWERS, *OUTCOMES, *COMMANDS)]


def test_the_openapi_document_says_of_each_what_the_registry_says() -> None:
    documented = set[str]()
    for item in PATHS.values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                problem = response.get("content", {}).get("application/problem+json", {"examples": {}})
                for code, example in problem["examples"].items():
                    entry = CATALOGUE[code]
                    assert (example["summary"], example["value"]["code"]) == (entry.title, code)
                    assert (example["value"]["status"], int(status)) == (entry.status, entry.status)
                    assert f"`{code}`: {entry.title}" in response["description"]
                    documented.add(code)
    assert documented == {entry.code for entry in ANSWERS} - NO_ROUTES


def test_outcomes_are_no_answers() -> None:
    assert all(entry.status is not None for entry in ANSWERS)
    assert {entry.status for entry in (*OUTCOMES, *COMMANDS)} == {None}
