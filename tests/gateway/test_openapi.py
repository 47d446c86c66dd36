"""What is written about the interface agrees with it."""

import json
import re
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from services.gateway.app import ROUTERS
from services.gateway.problems.reference import errors_page

DOCS = Path(__file__).parents[2] / "docs"
ABSTRACT = {
    "trm_error", "registry_error", "not_found", "conflict", "unavailable", "schema_mismatch",
}  # fmt: skip
AT_START = {"setting_missing", "settings_invalid", "auth_exposed"}  # it keeps a process from starting


def test_the_openapi_file_is_up_to_date(app: FastAPI) -> None:
    made = json.dumps(app.openapi(), indent=2) + "\n"
    kept = (DOCS / "openapi.json").read_text()
    assert made == kept, "the interface has changed: python -m services.gateway openapi > docs/openapi.json"


def test_the_reference_of_errors_is_up_to_date() -> None:
    kept = (DOCS / "reference" / "errors.md").read_text()
    assert errors_page() == kept, "run: python -m services.gateway errors > docs/reference/errors.md"


def test_operations_have_names_tags_and_summaries(app: FastAPI) -> None:
    document = app.openapi()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert {getattr(route, "operation_id", None) for router in ROUTERS for route in router.routes} == {None}, (
        "the audit log takes an operation's name from its function"
    )
    tags = {tag["name"] for tag in document["tags"]}
    for operation in operations:
        assert operation["operationId"].isidentifier()
        assert operation["summary"]
        assert operation["description"]
        assert set(operation["tags"]) <= tags
    assert {tag for operation in operations for tag in operation["tags"]} == tags


def test_no_problem_is_named_twice_in_a_response(app: FastAPI) -> None:
    for path, operations in app.openapi()["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                codes = re.findall("`([a-z_]+)`:", response["description"])
                assert len(set(codes)) == len(codes), (path, status)


def test_request_bodies_have_examples_that_are_valid(app: FastAPI) -> None:
    from services.gateway.schemas.evaluation_job import EvaluationJobRequest
    from services.gateway.schemas.model import Promotion
    from services.gateway.schemas.solve_job import SolveJobRequest
    from services.gateway.schemas.training_job import TrainingJobRequest

    for model in (EvaluationJobRequest, Promotion, SolveJobRequest, TrainingJobRequest):
        examples: Any = model.model_json_schema()["examples"]
        assert [model.model_validate(example) for example in examples]
        assert app.openapi()["components"]["schemas"][model.__name__]["examples"] == examples
