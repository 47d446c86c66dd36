"""Requests made from the OpenAPI document by schemathesis: whatever the document allows, or nearly allows, is never our mistake.

Bounded and seeded, so that a run is the same every time: raise EXAMPLES by hand to look further.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.gateway.app import create_app
from services.registry.access.scopes import Scope
from services.registry.db.database import Database
from services.registry.settings import Settings
from tests.gateway.conftest import Book, served
from tests.gateway.keys import header
from tests.gateway.test_http_owners import PUZZLE
from tests.openapi import DOCUMENT

pytestmark = pytest.mark.slow
EXAMPLES = 15  # of each operation, allowed and nearly allowed
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
STREAMS = {"GET /v1/jobs/{job_id}/events"}  # documented as text, and schemathesis would have a schema of their events
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)


def documented() -> Iterator[schemathesis.APIOperation[Any, Any, Any, Any]]:
    for result in SCHEMA.get_all_operations():
        assert isinstance(result, Ok), result
        yield result.ok()


OPERATIONS = {made.label: made for made in documented()}
COULD_BE_WRONG = {  # whatever is sent to the others is allowed: their ids are any text
    label for label, made in OPERATIONS.items() if made.query or made.body or "{index}" in label
}
CASES = [(label, GenerationMode.POSITIVE) for label in OPERATIONS] + [
    (label, GenerationMode.NEGATIVE) for label in OPERATIONS if label in COULD_BE_WRONG
]
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Target:
    """A served gateway, a key to all of it, and ids of things that exist."""

    url: str
    headers: dict[str, str]
    ids: dict[str, str]
    session: requests.Session = field(default_factory=requests.Session)
    answers: Counter[int] = field(default_factory=Counter)


@pytest.fixture
def target(settings: Settings, database: Database) -> Iterator[Target]:
    changes = {"auth": "on", "webhooks": True, "submits_per_minute": 0, "reads_per_minute": 0, "max_wait_seconds": 0}
    app = create_app(settings.model_copy(update=changes))
    admin = header(database, "root", Scope.ADMIN)
    with served(app) as server:
        yield Target(server.url, admin, _existing(server.url, admin, Book(app.state.backends)))


def _existing(url: str, admin: dict[str, str], book: Book) -> dict[str, str]:
    run_id, claim = book.training()
    checkpoint = book.checkpoint(claim)
    body = {"model": checkpoint, "puzzle": PUZZLE}
    job = requests.post(f"{url}/v1/solve-jobs", json=body, headers=admin, timeout=10).json()
    book.solve(book.claim(job["id"]))
    return {"run_id": run_id, "checkpoint_id": checkpoint, "job_id": job["id"], "index": "0"}


@pytest.mark.parametrize(("label", "mode"), CASES)
def test_no_request_is_our_mistake(target: Target, label: str, mode: GenerationMode) -> None:
    @BOUNDED
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    def send(case: schemathesis.Case[Any]) -> None:
        if sum(target.answers.values()) % 2:  # every other time of something that exists
            known = {name: target.ids[name] for name in case.path_parameters or {} if name in target.ids}
            case.path_parameters = {**(case.path_parameters or {}), **known}
        response = case.call(base_url=target.url, session=target.session, headers=target.headers, timeout=30)
        target.answers[response.status_code] += 1
        case.validate_response(response, checks=CHECKS[:-1] if label in STREAMS else CHECKS)

    send()
    assert target.answers
    assert max(target.answers) < 500
    print("schemathesis", label, mode.value, dict(target.answers))
