"""What the OpenAPI document says beyond the routes' own types: the problems that each route can answer."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.gateway.access.permissions import PREFIX, is_guarded, list_scopes
from services.gateway.problems.catalogue import CATALOGUE, Entry
from services.gateway.problems.errors import (
    BodyMalformed,
    BodyTooDeep,
    BodyTooLarge,
    MediaTypeUnsupported,
    Overloaded,
    RateLimited,
    RequestInvalid,
    RequestTimeout,
    ScopeMissing,
    Unauthenticated,
)
from services.gateway.problems.problems import MEDIA_TYPE, type_url
from services.gateway.schemas.problem import Problem
from services.registry.access.scopes import Scope
from services.registry.errors import DatabaseUnavailable, InternalError, InvalidCursor, KeyReused, KeyTaken
from trm.errors import CodedError

REF = "#/components/schemas/{model}"
STREAM = "text/event-stream"
JSON_BODY = (BodyMalformed, BodyTooLarge, MediaTypeUnsupported, RequestInvalid)  # of a route that takes one
PAGES = (RequestInvalid, InvalidCursor, DatabaseUnavailable)  # of a list
KEYS = (KeyReused, KeyTaken)  # of a route that takes an idempotency key
EVERYWHERE: tuple[type[CodedError], ...] = (InternalError,)
BODIES = (BodyTooDeep, RequestTimeout, Overloaded)
GUARDED = (Unauthenticated, ScopeMissing, RateLimited)

Responses = dict[int | str, dict[str, Any]]


def refusals(*errors: type[CodedError]) -> Responses:
    """The `responses` of a route that can answer with these problems, besides those that every route can."""
    responses: Responses = {}
    for entry in (CATALOGUE[error.code] for error in (*errors, *EVERYWHERE)):
        if entry.status is None:
            raise ValueError(f"{entry.code} cannot answer a request")
        response = responses.setdefault(entry.status, _make_response())
        response["content"][MEDIA_TYPE]["examples"][entry.code] = _make_example(entry)
        response["description"] = "; ".join(filter(None, (response["description"], f"`{entry.code}`: {entry.title}")))
    return responses


def _make_response() -> dict[str, Any]:
    schema = {"$ref": REF.format(model="Problem")}
    return {"description": "", "content": {MEDIA_TYPE: {"schema": schema, "examples": {}}}}


def _make_example(entry: Entry) -> dict[str, Any]:
    value: dict[str, Any] = {
        "type": type_url(entry.code),
        "title": entry.title,
        "status": entry.status,
        "detail": f"{entry.title}. {entry.advice}",
        "instance": "/v1/...",
        "code": entry.code,
        "request_id": "req_01934e0c5f3b7c2aa1b2c3d4e5f60718",
        "errors": [],
    }
    return {"summary": entry.title, "value": value}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of this app, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            openapi_version=app.openapi_version,
            summary=app.summary,
            description=app.description,
            tags=app.openapi_tags,
            routes=app.routes,
            license_info=app.license_info,
        )
        problem = Problem.model_json_schema(ref_template=REF)
        schema["components"]["schemas"] |= {**problem.pop("$defs"), "Problem": problem}
        _drop_default_errors(schema)
        _list_streams_first(schema)
        _ask_for_keys(schema)
        _refuse_what_is_sent_wrongly(schema)
        app.openapi_schema = schema
    return app.openapi_schema


def _list_streams_first(schema: dict[str, Any]) -> None:
    """What a request without `Accept` is answered stands first: that is what generated clients read."""
    for item in schema["paths"].values():
        for operation in item.values():
            content = operation["responses"].get("200", {}).get("content", {})
            if STREAM in content:
                operation["responses"]["200"]["content"] = {STREAM: content.pop(STREAM), **content}


def _ask_for_keys(schema: dict[str, Any]) -> None:
    """What authentication, limits and owners add to every path that they guard."""
    bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "trm_<id>_<secret>"}
    schema["components"]["securitySchemes"] = {
        "apiKey": {
            **bearer,
            "description": "Asked for where authentication is on; `security` names the scopes, if any.",
        }
    }
    for path, item in schema["paths"].items():
        for method, operation in item.items() if is_guarded(path) else ():
            scopes = list_scopes(method.upper(), path)
            operation["security"] = [*_list_requirements(scopes), {}]  # none where authentication is off
            _merge(operation["responses"], refusals(*GUARDED))


def _refuse_what_is_sent_wrongly(schema: dict[str, Any]) -> None:
    """What every path of the API answers to unknown parameters, and what becomes of bodies before a route sees them."""
    for path, item in schema["paths"].items():
        for operation in item.values() if path.startswith(f"{PREFIX}/") else ():
            errors = (RequestInvalid, *BODIES) if "requestBody" in operation else (RequestInvalid,)
            _merge(operation["responses"], refusals(*errors))


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


def _drop_default_errors(schema: dict[str, Any]) -> None:
    """FastAPI documents its own 422 body on every route with a parameter; ours replaces it, where a 422 is possible."""
    for path in schema["paths"].values():
        for operation in path.values():
            if MEDIA_TYPE not in operation["responses"].get("422", {}).get("content", {MEDIA_TYPE: None}):
                del operation["responses"]["422"]
    for model in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(model, None)
