"""Refuses request bodies that are too large, before anything parses them."""

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.problems.problems import problem_response

DRAIN_SECONDS = 5.0


class BodyLimit:
    """ASGI middleware: answers 413 as soon as a body is known to exceed the limit."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _LimitedBody(receive, send, self.limit)
        if _announced_length(scope) > self.limit:
            await problem_response(scope, "body_too_large", self._sentence())(scope, receive, body.refuse)
        else:
            await self.app(scope, body.receive, body.send)

    def _sentence(self) -> str:
        return f"The body is larger than the {self.limit} bytes that this service takes."


class _LimitedBody:
    """Counts what is received; once that is too much, the response ends only after the client has finished sending.

    Closing earlier would reset the connection, and the client would never read why.
    """

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive = receive
        self._send = send
        self._left = limit

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413)  # the one kind that FastAPI lets through while it reads a body
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


def _announced_length(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isdecimal() else 0
