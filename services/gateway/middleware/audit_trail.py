"""Writes the audit log: every request that could change something, once it is answered."""

import time
from collections.abc import Sequence

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.access import caller, permissions
from services.gateway.intake.batches import Batches
from services.registry.access import audit
from services.registry.access.audit import AuditEntry
from services.registry.db.database import Database
from services.registry.errors import RegistryError

MOST_AT_ONCE = 1000
GATHER_SECONDS = 0.2  # a commit for each act would compete with those that requests wait for
STRANGERS = 401  # they must not fill the log; the request log has them
REFUSED = frozenset({403, 429})  # before it is known what was asked: those alike within a minute share a record
METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
log = structlog.get_logger()


class AuditTrail:
    """One thread that writes for all requests, which do not wait for it; what it cannot write goes to the log instead."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._batches = Batches[AuditEntry]("audit", self._write, MOST_AT_ONCE, GATHER_SECONDS)
        self.start, self.close, self.put = self._batches.start, self._batches.close, self._batches.put

    def _write(self, acts: Sequence[AuditEntry]) -> None:
        """All together, or one by one when that fails, so that one refused record does not lose the others."""
        try:
            with self._database.transaction() as session:
                audit.record(session, acts)
        except Exception as error:  # this thread outlives whatever happens to a batch
            if len(acts) == 1 or isinstance(error, RegistryError):
                for act in acts:
                    log.error("audit.not_recorded", reason=str(error)[:300], **vars(act))
                return
            for act in acts:
                self._write([act])


class Audited:
    """ASGI middleware around authentication: it sees what was refused, too."""

    def __init__(self, app: ASGIApp, trail: AuditTrail) -> None:
        self.app, self._trail = app, trail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["method"] in permissions.SAFE or not permissions.is_guarded(scope["path"]):
            await self.app(scope, receive, send)
            return
        answer: dict[str, Message] = {}

        async def noting(message: Message) -> None:
            answer.setdefault(message["type"], message)
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            self._note(scope, answer.get("http.response.start"))

    def _note(self, scope: Scope, start: Message | None) -> None:
        status = 500 if start is None else start["status"]
        who, route = caller.identify(scope), scope.get("route")
        state = scope.get("state", {})
        if status == STRANGERS or (status in REFUSED and who is caller.ANONYMOUS) or not state.get("audited", True):
            return
        request_id, minute = state.get("request_id"), int(time.time()) // 60
        if status in REFUSED:
            method = scope["method"] if scope["method"] in METHODS else "other"
            action = f"{method} {permissions.name_path(scope['path'])}"
            self._trail.put(AuditEntry.of_refusal(who.owner, who.id, action, request_id, str(status), minute=minute))
        elif route is not None:
            action = permissions.name_operation(route)
            self._trail.put(AuditEntry(who.owner, who.id, action, _find_object(scope, start), request_id, str(status)))


def _find_object(scope: Scope, start: Message | None) -> str | None:
    """Id of the created object, or the one in the path."""
    location = Headers(raw=start["headers"]).get("location") if start is not None else None
    if location:
        return location.rsplit("/", 1)[1]
    named = scope.get("path_params") or {}
    return next((str(value)[:200] for value in named.values()), None)
