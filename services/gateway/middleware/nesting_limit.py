"""Refuses JSON whose brackets are nested too deeply, before a parser descends into it."""

import re

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
FEW_BYTES = 4096  # looked through on the spot: a thread would take longer


class NestedTooDeeply(HTTPException):
    """The one kind of error that FastAPI lets through while it reads a body."""

    code = "body_too_deep"

    def __init__(self, most: int) -> None:
        super().__init__(400, f"The JSON has more than {most} brackets inside each other.")


def depth(text: bytes) -> int:
    """How many brackets are open at the deepest place; of broken JSON no less than a parser would see."""
    brackets = STRING.sub(b"", text).translate(None, NO_BRACKETS)
    if not brackets:
        return 0
    codes = np.frombuffer(brackets, dtype=np.uint8)
    steps = np.where((codes == ord("[")) | (codes == ord("{")), np.int32(1), np.int32(-1))
    return max(int(np.cumsum(steps, dtype=np.int32).max()), 0)


class NestingLimit:
    """ASGI middleware inside the limit of a body's size: it holds a body back until it is whole."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http" and not Headers(scope=scope).get("content-type", "").lower().startswith(FORMS):
            receive = _Whole(receive, self._limit).receive
        await self.app(scope, receive, send)


class _Whole:
    """Hands a body out in one piece, once it was looked through."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._limit, self._is_read = receive, limit, False

    async def receive(self) -> Message:
        if self._is_read:
            return await self._receive()
        pieces, message = [], await self._receive()
        while message["type"] == "http.request":
            pieces.append(message.get("body", b""))
            if not message.get("more_body", False):
                break
            message = await self._receive()
        self._is_read = True
        if message["type"] != "http.request":
            return message
        body = b"".join(pieces)
        await self._check(body)
        return {"type": "http.request", "body": body, "more_body": False}

    async def _check(self, body: bytes) -> None:
        if body.count(b"[") + body.count(b"{") <= self._limit:
            return
        found = depth(body) if len(body) <= FEW_BYTES else await run_in_threadpool(depth, body)
        if found > self._limit:
            raise NestedTooDeeply(self._limit)
