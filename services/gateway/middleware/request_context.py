"""The outermost layer: gives each request an id, counts and logs it, and answers when everything else has failed."""

import re
import time

import structlog
from opentelemetry import trace
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.access import caller
from services.gateway.problems.problems import problem_response
from services.registry.db.ids import new_id
from services.registry.errors import InternalError
from services.registry.metrics.instruments import exemplar
from services.registry.metrics.metrics import GatewayMetrics

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
BAD = 400  # and above, every answer is worth a line
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# asked every few seconds, by machines and by those who wait for a job
QUIET = frozenset(
    {
        "/livez",
        "/readyz",
        "/metrics",
        "/metrics/targets",
        "/v1/jobs/{job_id}",
        "/v1/runs/{run_id}",
        "/v1/runs/{run_id}/metrics",
        "/v1/runs/{run_id}/evaluations",
    }
)
PAGES = frozenset({"/docs", "/redoc", "/openapi.json"})  # served past the router's templates
log = structlog.get_logger()


class RequestContext:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, metrics: GatewayMetrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        trace.get_current_span().set_attribute("trm.request.id", request_id)
        answer = _Answer(send, request_id)
        begun = time.monotonic()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, answer.send)
            except Exception:
                log.exception("request.failed", method=scope["method"], path=scope["path"])
                if answer.status is not None:
                    raise  # half an answer is out: only breaking off tells the client
                await problem_response(scope, InternalError())(scope, receive, answer.send)
            finally:
                self._record(scope, request_id, answer.status or 499, time.monotonic() - begun)

    def _record(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        unrouted = scope["path"] if scope["path"] in PAGES else "unmatched"
        route = getattr(scope.get("route"), "path", None) or unrouted
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.metrics.http_requests.labels(method, route, str(status)).inc()
        self.metrics.http_request_seconds.labels(method, route).observe(seconds, exemplar(request_id=request_id))
        is_poll = route in QUIET and method == "GET" and status < BAD
        level = log.debug if is_poll else log.info
        asked = {"method": method, "path": scope["path"], "caller": caller.identify(scope).id}
        level("request.served", **asked, status=status, seconds=round(seconds, 4))


def _request_id(scope: Scope) -> str:
    """The client's request id if it is valid, so that both logs can be correlated."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else new_id("req")


class _Answer:
    """Remembers the status on its way out, and adds the id."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self._request_id = send, request_id
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(raw=message["headers"])["X-Request-ID"] = self._request_id
        await self._send(message)
