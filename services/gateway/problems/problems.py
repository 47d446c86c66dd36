"""Turns every error into one body: `application/problem+json`, RFC 9457."""

import errno
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import Scope

from services.gateway.problems.catalogue import CATALOGUE, ERRORS_LISTED, RETRY_AFTER_SECONDS
from services.gateway.problems.errors import GatewayError
from services.gateway.schemas.problem import Problem, ProblemItem, pointer
from services.registry.errors import RegistryError
from trm.errors import TrmError
from trm.suggest import did_you_mean

MEDIA_TYPE = "application/problem+json"
HTTP_CODES = {
    400: "body_malformed",
    404: "route_not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
}


class ProblemResponse(JSONResponse):
    """A response whose body is a Problem."""

    media_type = MEDIA_TYPE

    def render(self, content: object) -> bytes:
        """JSON; it may quote a request's text, of which UTF-8 cannot hold half a surrogate pair."""
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def type_url(code: str) -> str:
    """Where this service describes a code; relative, so that it holds behind any proxy."""
    return f"/v1/problems/{code}"


def problem_response(
    scope: Scope,
    code: str,
    detail: str = "",
    items: Sequence[ProblemItem] = (),
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """The response for a code of the catalogue; a code that cannot answer a request becomes internal_error."""
    entry = CATALOGUE.get(code)
    if entry is None or entry.status is None:
        entry, detail, items = CATALOGUE["internal_error"], "", ()
    problem = Problem(
        type=type_url(entry.code),
        title=entry.title,
        status=entry.status or 500,
        detail=detail or f"{entry.title}. {entry.advice}",
        instance=scope["path"],
        code=entry.code,
        request_id=scope.get("state", {}).get("request_id", ""),
        errors=list(items[:ERRORS_LISTED]),
    )
    body = problem.model_dump(exclude_none=True)
    return ProblemResponse(
        body, status_code=problem.status, headers={**_retry_after(problem.status), **(headers or {})}
    )


def _retry_after(status: int) -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER_SECONDS[status])} if status in RETRY_AFTER_SECONDS else {}


def install(app: FastAPI) -> None:
    """Make this app answer every error with a problem."""
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(OSError, _os_error)
    for kind in (TrmError, RegistryError, GatewayError):
        app.add_exception_handler(kind, _named_error)


async def _http_error(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette's signature is wider than its promise
    code = getattr(error, "code", None) or HTTP_CODES.get(error.status_code, "internal_error")
    if _is_full(error.__cause__):
        code = "storage_full"  # FastAPI says 400 when it cannot keep an upload
    detail = str(error.detail) if hasattr(error, "code") else ""
    return problem_response(request.scope, code, detail, headers=error.headers)


async def _os_error(request: Request, error: Exception) -> ProblemResponse:
    if _is_full(error):
        return problem_response(request.scope, "storage_full")
    raise error


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


async def _named_error(request: Request, error: Exception) -> ProblemResponse:
    code = getattr(error, "code", "internal_error")
    items = error.items if isinstance(error, GatewayError) else ()
    return problem_response(request.scope, code, str(error), items, headers=getattr(error, "headers", None))


async def _validation_error(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    problems = error.errors()
    if any(p["type"] == "json_invalid" for p in problems):
        position = problems[0]["loc"][-1]
        return problem_response(request.scope, "body_malformed", f"Not valid JSON at character {position}.")
    if any(p["loc"] == ("body",) and p["type"] != "missing" for p in problems) and not _is_json(request):
        return problem_response(request.scope, "media_type_unsupported")
    items = [_item(p, request) for p in problems[:ERRORS_LISTED]]
    return problem_response(request.scope, "request_invalid", _sentence(items), items)


def _is_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _item(error: Mapping[str, Any], request: Request) -> ProblemItem:
    """One pydantic error: a place in a JSON body becomes a JSON pointer, any other a parameter's name."""
    place, *path = error["loc"]
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = _unknown_field(path, request)
    if place == "body" and (_is_json(request) or not path):
        sent = error.get("input")
        path = path or named(message, sent if isinstance(sent, dict) else ())
        return ProblemItem(pointer=pointer(*path), detail=message)
    if place == "query":
        path = path[:1]  # of a parameter that is given several times, too
    return ProblemItem(parameter=".".join(str(part) for part in path), detail=message)


def _unknown_field(path: Sequence[str | int], request: Request) -> str:
    """What the body has instead; of what is nested inside it only that it is not known."""
    field = getattr(request.scope.get("route"), "body_field", None)
    known = getattr(field and field.field_info.annotation, "model_fields", {}) if len(path) == 1 else {}
    fields = f" The known fields are: {', '.join(known)}." if known else ""
    return f"There is no field {str(path[-1])[:100]!r}.{did_you_mean(str(path[-1]), known)}{fields}"


def named(sentence: str, fields: Collection[str]) -> list[str]:
    """The first of these fields that a sentence names: a rule over several fields says in words what to change."""
    return [word for word in re.findall(r"\w+", sentence) if word in fields][:1]


def _sentence(items: Sequence[ProblemItem]) -> str:
    first = items[0]
    place = first.parameter or first.pointer
    more = f" (and {len(items) - 1} more)" if len(items) > 1 else ""
    return f"{place}: {first.detail}{more}" if place else f"{first.detail}{more}"
