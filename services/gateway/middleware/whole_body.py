"""Holds a request's body back until it is whole: on disk while it comes in, in memory only while there is room for all of them."""

import asyncio
from collections.abc import Awaitable, Callable
from tempfile import SpooledTemporaryFile
from typing import IO

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.allocator import LARGE_BYTES, give_memory_back
from services.gateway.problems.errors import Overloaded

SPOOL_BYTES = 1 << 16  # of a body that is kept in memory while the rest is waited for
SETTLE_SECONDS = 0.5  # in which the last that holds a body releases it
Check = Callable[[bytes], Awaitable[None]]  # of a complete body; raises the error to answer with
UPLOADS = frozenset({"/v1/datasets", "/v1/checkpoints"})  # whose forms are read piece by piece, into files


class MemoryBudget:
    """Limits the bytes of request bodies in memory, over all requests."""

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes

    def take(self, size: int) -> None:
        """Raises Overloaded when there is not so much room."""
        if size > self._left:
            raise Overloaded("Bodies of other requests use all the memory reserved for bodies.")
        self._left -= size

    def give_back(self, size: int) -> None:
        """Return the bytes of a finished request."""
        self._left += size


class WholeBody:
    """ASGI middleware inside the limit of a body's size."""

    def __init__(self, app: ASGIApp, room: MemoryBudget, check: Check) -> None:
        self.app, self._room, self._check = app, room, check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["path"] in UPLOADS:
            await self.app(scope, receive, send)
            return
        body = _Body(receive, self._room, self._check)
        try:
            await self.app(scope, body.receive, send)
        finally:
            body.release()


class _Body:
    def __init__(self, receive: Receive, room: MemoryBudget, check: Check) -> None:
        self._receive, self._room, self._check = receive, room, check
        self._is_read, self._taken = False, 0

    async def receive(self) -> Message:
        """The whole body in one piece, and then what the server has to say."""
        if self._is_read:
            return await self._receive()
        with SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            last = await self._gather(spool)
            self._is_read = True
            if last["type"] != "http.request":
                return last
            body = self._load(spool)
        await self._check(body)
        return {"type": "http.request", "body": body, "more_body": False}

    async def _gather(self, spool: IO[bytes]) -> Message:
        """The message that ends the body, or the connection."""
        while True:
            message = await self._receive()
            piece = message.get("body", b"")
            if spool.tell() + len(piece) > SPOOL_BYTES:
                await run_in_threadpool(spool.write, piece)  # to a disk
            else:
                spool.write(piece)
            if not message.get("more_body", False):
                return message

    def _load(self, spool: IO[bytes]) -> bytes:
        size = spool.tell()
        self._room.take(size)
        self._taken = size
        spool.seek(0)
        return spool.read()

    def release(self) -> None:
        """Release the memory once the request has been answered."""
        self._room.give_back(self._taken)
        if self._taken > LARGE_BYTES:
            asyncio.get_running_loop().call_later(SETTLE_SECONDS, give_memory_back)
        self._taken = 0
