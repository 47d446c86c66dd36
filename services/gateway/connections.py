"""HTTP connections with the limits that uvicorn lacks: how many there are, how long headers take, how long an answer is left unread."""

import asyncio
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from services.gateway.problems.catalogue import CATALOGUE
from services.gateway.problems.errors import ConnectionsTooMany, RequestTimeout
from services.gateway.problems.problems import MEDIA_TYPE, make_problem, retry_after
from services.registry.settings import Settings
from trm.errors import CodedError
from trm.json_text import to_json

LINGER_SECONDS = 1.0


class LimitedProtocol(H11Protocol):
    """A connection. Bodies have limits of their own, further inside, where they can be answered by a route's problem."""

    settings: Settings

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
        """Accept the connection, or refuse it when there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.settings.max_connections:
            self._refuse(
                ConnectionsTooMany(f"The limit of {self.settings.max_connections} open connections is reached.")
            )
            return
        self._wait_for_headers(self.settings.header_seconds)

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
            self._wait_for_headers(self.settings.body_seconds if is_sending else self.settings.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers of the connection."""
        self._stop(self._timer)
        self._stop(self._unread)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read: a stream of events to it would wait forever."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.settings.idle_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again: stop the timer."""
        self._stop(self._unread)
        super().resume_writing()

    def _is_at_work(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_headers(self, seconds: float) -> None:
        self._stop(self._timer)
        self._timer = self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        if self._has_begun and self.cycle is None:
            self._refuse(RequestTimeout(f"No complete request arrived within {self.settings.header_seconds:g} s."))
        else:
            self.transport.close()

    def _refuse(self, error: CodedError) -> None:
        """Send the refusal and close a moment later: closing at once with unread data would lose the answer."""
        self._is_refused = True
        self.transport.write(refusal(error))
        self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


def refusal(error: CodedError) -> bytes:
    """A whole answer, for a request that no route has seen."""
    entry = CATALOGUE[error.code]
    problem = make_problem(entry, f"{error} {entry.advice}")
    body = to_json(problem.model_dump()).encode()
    headers = {"Content-Type": MEDIA_TYPE, "Content-Length": len(body), **retry_after(problem.status)}
    lines = [f"{name}: {value}" for name, value in (headers | {"Connection": "close"}).items()]
    return "\r\n".join([f"HTTP/1.1 {problem.status} {problem.title}", *lines, "", ""]).encode() + body


def limit_protocol(settings: Settings) -> type[LimitedProtocol]:
    """The protocol with the limits of this deployment, as uvicorn wants it: a class."""
    return type("Protocol", (LimitedProtocol,), {"settings": settings})
