"""Refuses request bodies that are too large, too slow or encoded, before anything parses them."""

import asyncio
import time
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.problems.errors import BodyTooLarge, MediaTypeUnsupported, RequestTimeout
from services.gateway.problems.problems import problem_response

DRAIN_SECONDS = 5.0


class BodyLimit:
    """ASGI middleware: answers 413 as soon as a body is known to exceed the limit, 408 when it does not come."""

    def __init__(
        self, app: ASGIApp, limit: int, seconds: float, idle_seconds: float, larger: Mapping[str, int] | None = None
    ) -> None:
        """`larger` has the limits of paths that take more than others."""
        self.app, self.limit, self._times, self.larger = app, limit, (seconds, idle_seconds), larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.larger.get(scope["path"], self.limit)
        body = _LimitedBody(receive, send, limit, *self._times)
        encoding = Headers(scope=scope).get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", ""):
            sentence = (
                f"The body is encoded as {encoding[:40]!r}. Send it as it is; data files may be gzip inside their form."
            )
            refusal = problem_response(scope, MediaTypeUnsupported(sentence), {"Accept-Encoding": "identity"})
            await refusal(scope, receive, body.refuse)
        elif _read_length(scope) > limit:
            sentence = f"The body is larger than the {limit} bytes that this service takes."
            await problem_response(scope, BodyTooLarge(sentence))(scope, receive, body.refuse)
        else:
            await self.app(scope, body.receive, body.send)


class _LimitedBody:
    """Counts what is received; once that is too much, the response ends only after the client has finished sending.

    Closing earlier would reset the connection, and the client would never read why.
    """

    def __init__(self, receive: Receive, send: Send, limit: int, seconds: float, idle_seconds: float) -> None:
        self._receive, self._send = receive, send
        self._left, self._idle_seconds = limit, idle_seconds
        self._deadline: float | None = time.monotonic() + seconds  # None once the body is whole

    async def receive(self) -> Message:
        message = await self._timely()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise BodyTooLarge
        return message

    async def _timely(self) -> Message:
        """The next message; after the body's last piece that is the end of the connection, however long it lasts."""
        if self._deadline is None:
            return await self._receive()
        try:
            async with asyncio.timeout(min(self._idle_seconds, self._deadline - time.monotonic())):
                message = await self._receive()
        except TimeoutError as error:
            raise RequestTimeout from error
        if not message.get("more_body", False):
            self._deadline = None
        return message

    async def send(self, message: Message) -> None:
        await (self.refuse(message) if self._left < 0 else self._send(message))

    async def refuse(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], (b"connection", b"close")]
            await self._send({**message, "headers": headers})
            return
        await self._send({**message, "more_body": True})
        await self._drain()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while (await self._receive()).get("more_body", False):
                    pass
        except TimeoutError:
            return


def _read_length(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isdecimal() else 0
