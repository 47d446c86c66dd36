"""Turns every error into one body: `application/problem+json`, RFC 9457."""

import errno
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import Scope

from services.gateway.problems.catalogue import CATALOGUE, ERRORS_LISTED, RETRY_AFTER_SECONDS, Entry
from services.gateway.problems.errors import (
    BodyMalformed,
    BodyTooLarge,
    GatewayError,
    MediaTypeUnsupported,
    MethodNotAllowed,
    RequestInvalid,
    RouteNotFound,
)
from services.gateway.problems.patterns import WORDS
from services.gateway.schemas.problem import Problem, ProblemItem, pointer
from services.registry.errors import InternalError
from trm.errors import CodedError, RuleError, StorageFull
from trm.json_text import to_json
from trm.suggest import did_you_mean

MEDIA_TYPE = "application/problem+json"
HTTP_ERRORS: dict[int, type[CodedError]] = {  # what the frameworks raise of their own accord
    400: BodyMalformed,
    404: RouteNotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
}


class ProblemResponse(JSONResponse):
    """A response whose body is a Problem."""

    media_type = MEDIA_TYPE

    def render(self, content: object) -> bytes:
        """JSON; it may quote a request's text, of which UTF-8 cannot hold half a surrogate pair."""
        return to_json(content, compact=True, escape=False).encode(errors="replace")


def make_problem(
    entry: Entry, detail: str = "", *, instance: str = "", request_id: str = "", errors: Sequence[ProblemItem] = ()
) -> Problem:
    """The body for a problem of this code; where nothing is said of this one, with the advice for all of them."""
    return Problem(
        type=f"/v1/problems/{entry.code}",  # relative, so that it is valid behind any proxy
        title=entry.title,
        status=entry.status or HTTPStatus.INTERNAL_SERVER_ERROR,
        detail=detail or f"{entry.title}. {entry.advice}",
        instance=instance,
        code=entry.code,
        request_id=request_id,
        errors=list(errors),
    )


def problem_response(scope: Scope, error: CodedError, headers: Mapping[str, str] | None = None) -> ProblemResponse:
    """The response to an error; one that cannot answer a request becomes an internal error."""
    entry = CATALOGUE[error.code]
    if entry.status is None:
        return problem_response(scope, InternalError())
    problem = make_problem(
        entry,
        str(error),
        instance=scope["path"],
        request_id=scope.get("state", {}).get("request_id", ""),
        errors=_list_items(scope, error)[:ERRORS_LISTED],
    )
    of_error = error.headers if isinstance(error, GatewayError) else {}
    return ProblemResponse(
        problem.model_dump(exclude_none=True),
        status_code=problem.status,
        headers={**retry_after(problem.status), **of_error, **(headers or {})},
    )


def _list_items(scope: Scope, error: CodedError) -> list[ProblemItem]:
    """The parts at fault: places in a JSON body, or parameters of a form."""
    if isinstance(error, GatewayError) and error.items:
        return list(error.items)
    return [_make_item(path, str(error), in_json=_is_json(scope)) for path in error.fields]


def _make_item(path: Sequence[str | int], detail: str, *, in_json: bool) -> ProblemItem:
    if in_json:
        return ProblemItem(pointer=pointer(*path), detail=detail)
    return ProblemItem(parameter=".".join(str(part) for part in path), detail=detail)


def retry_after(status: int) -> dict[str, str]:
    """The header that says when to try again, of the statuses that have one."""
    return {"Retry-After": str(RETRY_AFTER_SECONDS[status])} if status in RETRY_AFTER_SECONDS else {}


def install(app: FastAPI) -> None:
    """Make this app answer every error with a problem."""
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(OSError, _answer_os_error)
    app.add_exception_handler(CodedError, _answer_coded_error)


async def _answer_coded_error(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, CodedError)  # noqa: S101 - Starlette's signature is wider than its promise
    return problem_response(request.scope, error)


async def _answer_http_error(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    return problem_response(request.scope, _find_reason(error), headers=error.headers)


def _find_reason(error: HTTPException) -> CodedError:
    """What has happened: FastAPI wraps every error that is raised while it reads a body."""
    if isinstance(error.__cause__, CodedError):
        return error.__cause__
    return StorageFull() if _is_full(error.__cause__) else HTTP_ERRORS.get(error.status_code, InternalError)()


async def _answer_os_error(request: Request, error: Exception) -> ProblemResponse:
    if _is_full(error):
        return problem_response(request.scope, StorageFull())
    raise error


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


async def _answer_validation_error(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return problem_response(request.scope, _make_refusal(request, error.errors()))


def _make_refusal(request: Request, problems: Sequence[Mapping[str, Any]]) -> GatewayError:
    """What pydantic's errors mean together."""
    if any(p["type"] == "json_invalid" for p in problems):
        return BodyMalformed(f"Not valid JSON at character {problems[0]['loc'][-1]}.")
    if any(p["loc"] == ("body",) and p["type"] != "missing" for p in problems) and not _is_json(request.scope):
        return MediaTypeUnsupported()
    items = [_translate_error(p, request) for p in problems[:ERRORS_LISTED]]
    return RequestInvalid(_write_sentence(items), items=items)


def _is_json(scope: Scope) -> bool:
    media_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _translate_error(error: Mapping[str, Any], request: Request) -> ProblemItem:
    """One pydantic error: a place in a JSON body becomes a JSON pointer, any other a parameter's name."""
    place, *path = error["loc"]
    raised = error.get("ctx", {}).get("error")
    message = str(raised) if isinstance(raised, ValueError) else error["msg"]
    if error["type"] == "string_pattern_mismatch":
        message = WORDS.get(error["ctx"]["pattern"], message)
    if error["type"] == "extra_forbidden":
        message = _describe_unknown_field(path, request)
    if isinstance(raised, RuleError) and not path:
        path = [field for field in raised.fields if field in error["input"]][:1]
    if place == "query":
        path = path[:1]  # of a parameter that is given several times, too
    in_json = place == "body" and (_is_json(request.scope) or not path)
    return _make_item(path, message, in_json=in_json)


def _describe_unknown_field(path: Sequence[str | int], request: Request) -> str:
    """What the body has instead; of what is nested inside it only that it is not known."""
    field = getattr(request.scope.get("route"), "body_field", None)
    known = getattr(field and field.field_info.annotation, "model_fields", {}) if len(path) == 1 else {}
    fields = f" The known fields are: {', '.join(known)}." if known else ""
    return f"There is no field {str(path[-1])[:100]!r}.{did_you_mean(str(path[-1]), known)}{fields}"


def _write_sentence(items: Sequence[ProblemItem]) -> str:
    first = items[0]
    place = first.parameter or first.pointer
    more = f" (and {len(items) - 1} more)" if len(items) > 1 else ""
    return f"{place}: {first.detail}{more}" if place else f"{first.detail}{more}"
