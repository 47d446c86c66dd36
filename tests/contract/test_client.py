"""The Python client is whole: every operation has a method, every answer a type, every parameter an argument."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.gateway.client_types import render_client_types
from tests.openapi import DOCUMENT, PATHS, SCHEMAS
from trm.client import api
from trm.client.record import Page

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "trm" / "client"
OPERATIONS = {operation["operationId"]: operation for item in PATHS.values() for operation in item.values()}
JSON = "application/json"
ARGUMENTS = {"limit": "page_size"}  # by which name a method takes a parameter
OWN_WORK = {
    "cursor",
    "if-none-match",
    "last-event-id",
    "idempotency-key",
    "range",
    "if-range",
}  # the client's, not the caller's
FIXED = {  # what a method decides
    "createTrainingJob": {"dry_run"},
    "createSolveJob": {"prefer"},  # its `wait`
    "continueSolveJob": {"prefer"},
    "listJobLines": {"limit"},
    "listRunMetrics": {"limit"},
}
NO_TYPE = {"JsonValue", "Body_createCheckpoint", "Body_createDataset"}  # anything, and forms


@dataclass(frozen=True)
class Call:
    """Where a method asks for an operation."""

    operation: str
    returns: str  # as written
    arguments: frozenset[str]  # of the method
    request: str  # the type of its keywords


def calls() -> Iterator[Call]:
    for path in sorted(CLIENT.rglob("*.py")):
        for method in ast.walk(ast.parse(path.read_text())):
            if isinstance(method, ast.FunctionDef):
                yield from calls_of(method)


def calls_of(method: ast.FunctionDef) -> Iterator[Call]:
    names = frozenset(argument.arg for argument in (*method.args.args, *method.args.kwonlyargs))
    keywords = method.args.kwarg.annotation if method.args.kwarg else None
    for node in ast.walk(method):
        if isinstance(node, ast.Call):
            for place, argument in enumerate(node.args):
                if isinstance(argument, ast.Constant) and argument.value in OPERATIONS:
                    returns = ast.unparse(node.args[place + 1]) if len(node.args) > place + 1 else ""
                    yield Call(str(argument.value), returns, names, ast.unparse(keywords) if keywords else "")


CALLS = list(calls())


def answer_of(operation: dict[str, Any]) -> set[str]:
    """The names of the schemas of its JSON answers; that of a page as the client writes it."""
    found = set()
    for status, response in operation["responses"].items():
        schema = response.get("content", {}).get(JSON, {}).get("schema", {})
        if status < "300" and "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            found.add(f"Page[{name[5:-1]}]" if name.startswith("Page_") else name)
    return found


def test_the_types_are_those_of_the_document() -> None:
    assert (CLIENT / "api.py").read_text() == render_client_types(DOCUMENT), "the interface has changed: make openapi"


def test_every_schema_has_a_type() -> None:
    missing = {name for name in SCHEMAS if not name.startswith("Page_") and not hasattr(api, name)}
    assert missing == NO_TYPE


def test_a_page_has_the_fields_of_every_page() -> None:
    pages = [schema for name, schema in SCHEMAS.items() if name.startswith("Page_")]
    assert pages
    for page in pages:
        assert page["properties"].keys() == Page.model_fields.keys()


def test_every_operation_has_a_method_and_none_is_made_up() -> None:
    assert {call.operation for call in CALLS} == OPERATIONS.keys()


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_method_returns_what_the_operation_answers(name: str) -> None:
    expected = answer_of(OPERATIONS[name])
    returned = {call.returns for call in CALLS if call.operation == name} & {*vars(api), *pages_of(expected)}
    assert returned == expected


def pages_of(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("Page[")}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_method_takes_every_parameter_and_body(name: str) -> None:
    operation = OPERATIONS[name]
    methods = [call for call in CALLS if call.operation == name]
    taken = set[str]().union(*(call.arguments for call in methods))
    parameters = {p["name"] for p in operation.get("parameters", ()) if p["in"] != "path"}
    wanted = {p.lower() for p in parameters} - OWN_WORK - FIXED.get(name, set())
    missing = {p for p in wanted if not taken & {p, ARGUMENTS.get(p, p)}}
    assert missing == set()
    for media in operation.get("requestBody", {"content": {}})["content"].values():
        body = media["schema"]["$ref"].rpartition("/")[2]
        fields = SCHEMAS[body]["properties"].keys()
        assert fields <= taken or {call.request for call in methods} == {f"Unpack[{body}]"}
