"""Requests that arrive: sent again while the service is away or busy, and answered by a record or an exception."""

import os
import random
import ssl
import time
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx2
from pydantic import TypeAdapter, ValidationError

from trm.client.api import OPERATIONS, OperationId, Problem
from trm.client.errors import ApiError, ServiceUnreachable, UnexpectedAnswer
from trm.client.record import Page
from trm.version import trm_version

DEFAULT_URL = "http://127.0.0.1:8000"
RETRY_SECONDS = 60.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0
BUSY = {429, 502, 503, 504}  # too much asked, or away: ask again
REFUSED_BUSY = {429}  # nothing was done
KEY_IN_USE = "idempotency_key_in_use"  # the first attempt is still being answered
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
LOST = (httpx2.NetworkError, httpx2.TimeoutException, httpx2.RemoteProtocolError)

R = TypeVar("R")
Params = Mapping[str, Any]


class Transport:
    """Sends the operations of the API; safe for threads.

    `timeout` is how many seconds one attempt may be without any answer, `retry_seconds` how long attempts are repeated.
    """

    def __init__(self, url: str | None, key: str | None, timeout: float, retry_seconds: float) -> None:
        self.url = (url or os.environ.get("TRM_URL") or DEFAULT_URL).rstrip("/")
        key = key or os.environ.get("TRM_API_KEY") or None
        self.timeout, self.retry_seconds = timeout, retry_seconds
        headers = {"User-Agent": f"trm-client/{trm_version()}", "Accept": "application/json"}
        authorization = {"Authorization": f"Bearer {key}"} if key else {}
        self.http = httpx2.Client(base_url=self.url, headers=headers | authorization, timeout=timeout)

    def close(self) -> None:
        """Close every connection."""
        self.http.close()

    def ask(self, operation: OperationId, returns: type[R] | TypeAdapter[R], **request: Any) -> R:  # noqa: ANN401
        """The answer as a record; takes what `send` takes."""
        return read(self.send(operation, **request), returns)

    def list(
        self,
        operation: OperationId,
        returns: type[Page[R]],
        *,
        page_size: int,
        params: Params | None = None,
        **request: Any,  # noqa: ANN401
    ) -> Iterator[R]:
        """Every item, page after page, each asked for when it is needed."""
        cursor: str | None = None
        while True:
            asked = {**(params or {}), "limit": page_size, "cursor": cursor}
            page = self.ask(operation, returns, params=asked, **request)
            yield from page.data
            if (cursor := page.next_cursor) is None:
                return

    def send(self, operation: OperationId, **request: Any) -> httpx2.Response:  # noqa: ANN401
        """The whole response; takes what `open` takes."""
        with self.open(operation, **request) as response:
            response.read()
            return response

    @contextmanager
    def open(
        self,
        operation: OperationId,
        *,
        path: Mapping[str, str | int] | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        answers: Container[int] = (),
        repeatable: bool = False,
        extra_seconds: float = 0,
        **body: Any,  # noqa: ANN401  what httpx2 takes: json, data, files
    ) -> Iterator[httpx2.Response]:
        """A response whose body is still to be read, with a status of success or one of `answers`.

        GET and DELETE, requests with an idempotency key, and those that are `repeatable` are repeated when the connection was
        lost; others only where nothing has been done. Raises ApiError, ServiceUnreachable and UnexpectedAnswer.
        """
        method, template, takes_key = OPERATIONS[operation]
        sent = dict(headers or {})
        if takes_key:
            sent["Idempotency-Key"] = idempotency_key or str(uuid4())
        request = {
            "method": method,
            "url": template.format_map({name: quote(str(value), safe="") for name, value in (path or {}).items()}),
            "params": {name: value for name, value in (params or {}).items() if value is not None},
            "headers": sent,
            "timeout": httpx2.Timeout(self.timeout, read=self.timeout + extra_seconds),
            **body,
        }
        safe = repeatable or takes_key or method in ("GET", "DELETE")
        response = self._insist(request, safe, answers)
        try:
            yield response
        finally:
            response.close()

    def _insist(self, request: dict[str, Any], safe: bool, answers: Container[int]) -> httpx2.Response:
        """Send it until it is answered; each attempt reads files from their beginning."""
        patience, repeated = Patience(self.retry_seconds), False
        while True:
            try:
                response = self.http.send(self.http.build_request(**request), stream=True)
                if response.is_success or response.status_code in answers:
                    return response
                response.read()
            except httpx2.TransportError as error:
                lost = isinstance(error, NOT_SENT) or (safe and isinstance(error, LOST))
                if _is_untrusted(error) or not (lost and patience.wait()):
                    raise self.unreachable(error) from error
            else:
                if repeated and request["method"] == "DELETE" and response.status_code == httpx2.codes.NOT_FOUND:
                    return response  # an attempt whose answer was lost has deleted it
                if not (_asks_for_another(response, safe) and patience.wait(_retry_after(response))):
                    raise error_of(response)
            repeated = True

    def unreachable(self, error: Exception) -> ServiceUnreachable:
        """What to raise when patience is at its end."""
        reason = str(error) or type(error).__name__
        return ServiceUnreachable(
            f"No answer from {self.url}: {reason}. Is the service running there? TRM_URL names another address."
        )


class Noun:
    """What a client asks about; each method is one operation of the API."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport


class Patience:
    """How long one request is repeated, and how long to pause before each repetition: longer each time, a bit by chance."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.renew()

    def renew(self) -> None:
        """Begin again: the service has answered."""
        self._deadline, self._pause = time.monotonic() + self.seconds, FIRST_PAUSE_SECONDS

    def wait(self, least: float = 0.0) -> bool:
        """Pause, at least for as many seconds; False, at once, when the time does not suffice."""
        pause = max(least, self._pause * random.uniform(0.5, 1))  # noqa: S311  no secret
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        if time.monotonic() + pause > self._deadline:
            return False
        time.sleep(pause)
        return True


def read(response: httpx2.Response, returns: type[R] | TypeAdapter[R]) -> R:
    """The body as a record; raises UnexpectedAnswer."""
    try:
        adapter = returns if isinstance(returns, TypeAdapter) else TypeAdapter(returns)
        return adapter.validate_json(response.content)
    except ValidationError as error:
        raise UnexpectedAnswer(f"{response.request.method} {response.request.url}: {error}") from error


def error_of(response: httpx2.Response) -> ApiError | UnexpectedAnswer:
    """What a response says that is no success."""
    try:
        return ApiError(Problem.model_validate_json(response.content))
    except ValidationError:
        asked = f"{response.request.method} {response.request.url}"
        return UnexpectedAnswer(
            f"{asked} was answered {response.status_code} {response.reason_phrase}, not by a problem."
        )


def _asks_for_another(response: httpx2.Response, safe: bool) -> bool:
    if safe and response.status_code == httpx2.codes.CONFLICT:
        return isinstance(error := error_of(response), ApiError) and error.code == KEY_IN_USE
    return response.status_code in (BUSY if safe else REFUSED_BUSY)


def _retry_after(response: httpx2.Response) -> float:
    given = response.headers.get("Retry-After", "")
    return float(given) if given.isdecimal() else 0.0


def _is_untrusted(error: BaseException | None) -> bool:
    """Whether the reason is a certificate: that does not pass."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
