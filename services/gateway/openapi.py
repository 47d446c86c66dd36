"""What the OpenAPI document says beyond the routes' own types: the problems that each route can answer."""

from typing import Any

from fastapi import FastAPI

from services.gateway.access.permissions import PREFIX, is_guarded, list_scopes
from services.gateway.problems.catalogue import CATALOGUE
from services.gateway.problems.errors import (
    BodyMalformed,
    BodyTooDeep,
    BodyTooLarge,
    MediaTypeUnsupported,
    ModelNotReady,
    Overloaded,
    RateLimited,
    RequestInvalid,
    RequestTimeout,
    ScopeMissing,
    Unauthenticated,
)
from services.gateway.problems.problems import MEDIA_TYPE, make_problem
from services.gateway.schemas.problem import REQUEST_ID, Problem
from services.registry.access.scopes import Scope
from services.registry.errors import (
    DatabaseUnavailable,
    InternalError,
    InvalidCursor,
    KeyReused,
    KeyTaken,
    QueueFull,
    StorageUnavailable,
)
from trm.errors import CodedError, StorageFull, UnknownModel

REF = "#/components/schemas/{model}"
STREAM = "text/event-stream"
JSON_BODY = (BodyMalformed, BodyTooLarge, MediaTypeUnsupported, RequestInvalid)  # of a route that takes one
PAGES = (RequestInvalid, InvalidCursor, DatabaseUnavailable)  # of a list
KEYS = (KeyReused, KeyTaken)  # of a route that takes an idempotency key
MODEL = (UnknownModel, ModelNotReady)  # of one whose request names a model
QUEUED = (*KEYS, QueueFull, DatabaseUnavailable, StorageFull)  # of one that makes a job
UPLOAD = (BodyMalformed, BodyTooLarge, RequestInvalid)  # of one that takes a form
STORED = (*KEYS, DatabaseUnavailable, StorageUnavailable, StorageFull)  # of one that keeps what it holds
BODIES = (BodyTooDeep, RequestTimeout, Overloaded)
GUARDED = (Unauthenticated, ScopeMissing, RateLimited)

API_KEY = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "trm_<id>_<secret>",
    "description": "Asked for where authentication is on; `security` names the scopes, if any.",
}

Responses = dict[int | str, dict[str, Any]]


def refusals(*errors: type[CodedError]) -> Responses:
    """The `responses` of a route that can answer with these problems, besides those that every route can."""
    responses: Responses = {}
    possible: tuple[type[CodedError], ...] = (*errors, InternalError)
    for entry in (CATALOGUE[error.code] for error in possible):
        if entry.status is None:
            raise ValueError(f"{entry.code} cannot answer a request")
        content = {"schema": {"$ref": REF.format(model="Problem")}, "examples": {}}
        response = responses.setdefault(entry.status, {"description": "", "content": {MEDIA_TYPE: content}})
        response["content"][MEDIA_TYPE]["examples"][entry.code] = {
            "summary": entry.title,
            "value": make_problem(entry, instance="/v1/...", request_id=REQUEST_ID).model_dump(),
        }
        response["description"] = "; ".join(filter(None, (response["description"], f"`{entry.code}`: {entry.title}")))
    return responses


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of this app, made once."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    schema = FastAPI.openapi(app)  # of the class: that of this app leads here
    components = schema["components"]
    problem = Problem.model_json_schema(ref_template=REF)
    components["schemas"] |= {**problem.pop("$defs"), "Problem": problem}
    for model in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(model, None)
    components["securitySchemes"] = {"apiKey": API_KEY}
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            _drop_default_error(operation["responses"])
            _list_stream_first(operation["responses"])
            if is_guarded(path):
                scopes = list_scopes(method.upper(), path)
                operation["security"] = [*_list_requirements(scopes), {}]  # none where authentication is off
                _merge(operation["responses"], refusals(*GUARDED))
            if path.startswith(f"{PREFIX}/"):  # unknown parameters, and bodies before a route sees them
                errors = (RequestInvalid, *BODIES) if "requestBody" in operation else (RequestInvalid,)
                _merge(operation["responses"], refusals(*errors))
    return schema


def _drop_default_error(responses: dict[str, Any]) -> None:
    """FastAPI documents its own 422 body on every route with a parameter; ours replaces it, where a 422 is possible."""
    if MEDIA_TYPE not in responses.get("422", {}).get("content", {MEDIA_TYPE: None}):
        del responses["422"]


def _list_stream_first(responses: dict[str, Any]) -> None:
    """What a request without `Accept` is answered stands first: that is what generated clients read."""
    content = responses.get("200", {}).get("content", {})
    if STREAM in content:
        responses["200"]["content"] = {STREAM: content.pop(STREAM), **content}


def _list_requirements(scopes: frozenset[Scope]) -> list[dict[str, list[str]]]:
    """The keys that do, as alternatives: any key, or one with a scope of these."""
    if scopes == frozenset(Scope):
        return [{"apiKey": []}]
    return [{"apiKey": [scope.value]} for scope in sorted(scopes | {Scope.ADMIN})]


def _merge(responses: dict[str, Any], more: Responses) -> None:
    for status, response in more.items():
        known = responses.setdefault(str(status), response)
        examples = known["content"][MEDIA_TYPE]["examples"]
        for code, example in response["content"][MEDIA_TYPE]["examples"].items():
            if code not in examples:
                examples[code] = example
                known["description"] = f"{known['description']}; `{code}`: {CATALOGUE[code].title}"
