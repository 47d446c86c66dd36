"""HTTP connections with the limits that uvicorn lacks: how many there are, how long headers take, how long an answer is left unread."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from services.gateway.problems.catalogue import CATALOGUE, RETRY_AFTER_SECONDS
from services.gateway.problems.problems import MEDIA_TYPE, type_url
from services.registry.settings import Settings

LINGER_SECONDS = 1.0


@dataclass(frozen=True)
class ConnectionLimits:
    """What a client may take of the server before it has asked for anything."""

    most: int  # connections at once
    header_seconds: float  # from the connection, or the answer before, to the end of a request's headers
    body_seconds: float  # to the end of a body that was answered before it was whole
    idle_seconds: float  # in which a client takes nothing of an answer that waits for it

    @classmethod
    def of(cls, settings: Settings) -> "ConnectionLimits":
        """Those of this deployment."""
        return cls(settings.max_connections, settings.header_seconds, settings.body_seconds, settings.idle_seconds)


class LimitedProtocol(H11Protocol):
    """A connection. Bodies have limits of their own, further inside, where they can be answered by a route's problem."""

    limits: ConnectionLimits

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._has_begun = False  # something of a request has come
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or say that there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.most:
            self._refuse("connections_too_many", f"The limit of {self.limits.most} open connections is reached.")
            return
        self._wait_for_headers(self.limits.header_seconds)

    def data_received(self, data: bytes) -> None:
        """Time runs until the headers are whole."""
        if self._is_refused or self.transport.is_closing():
            return
        self._has_begun = True
        super().data_received(data)
        if self._is_at_work():
            self._stop(self._timer)

    def on_response_complete(self) -> None:
        """The next request's time begins to run, and that of a body which was not waited for."""
        self._has_begun = False
        super().on_response_complete()
        if not self._is_at_work():  # nothing was sent ahead
            # a client that was refused before it had sent its body reads why once it has
            is_sending = self.conn.their_state is h11.SEND_BODY
            self._wait_for_headers(self.limits.body_seconds if is_sending else self.limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for."""
        self._stop(self._timer)
        self._stop(self._unread)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read: a stream of events to it would wait forever."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.limits.idle_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads."""
        self._stop(self._unread)
        super().resume_writing()

    def _is_at_work(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_headers(self, seconds: float) -> None:
        self._stop(self._timer)
        self._timer = self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        if self._has_begun and self.cycle is None:
            self._refuse("request_timeout", f"No complete request arrived within {self.limits.header_seconds:g} s.")
        else:
            self.transport.close()

    def _refuse(self, code: str, detail: str) -> None:
        """Say why, and close a moment later: closed at once, with something unread, the answer would be lost."""
        self._is_refused = True
        self.transport.write(refusal(code, detail))
        self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


def refusal(code: str, detail: str) -> bytes:
    """A whole answer, for a request that no route has seen."""
    entry = CATALOGUE[code]
    status = entry.status or 500
    problem = {"type": type_url(code), "title": entry.title, "status": status, "detail": f"{detail} {entry.advice}"}
    body = json.dumps(problem | {"instance": "", "code": code, "request_id": "", "errors": []}).encode()
    lines = [f"HTTP/1.1 {status} {entry.title}", f"Content-Type: {MEDIA_TYPE}", f"Content-Length: {len(body)}"]
    if status in RETRY_AFTER_SECONDS:
        lines.append(f"Retry-After: {RETRY_AFTER_SECONDS[status]}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def limit_protocol(limits: ConnectionLimits) -> type[LimitedProtocol]:
    """The protocol with these limits, as uvicorn wants it: a class."""

    class Protocol(LimitedProtocol):
        pass

    Protocol.limits = limits
    return Protocol
