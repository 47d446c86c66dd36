"""Refuses JSON whose brackets are nested too deeply or are too many, before a parser makes lists of them."""

import re

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from services.gateway.middleware.whole_body import Check

STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
MOST_BRACKETS = 500_000  # an empty list takes 3 bytes to send and 64 to keep; no request has so many rows
FEW_BYTES = 4096  # looked through on the spot: a thread would take longer


class NestedTooDeeply(HTTPException):
    """The one kind of error that FastAPI lets through while it reads a body."""

    code = "body_too_deep"

    def __init__(self, most: int) -> None:
        super().__init__(400, f"The JSON is nested deeper than {most} brackets.")


class BracketsTooMany(HTTPException):
    """The same for lists that are many."""

    code = "body_too_large"

    def __init__(self) -> None:
        super().__init__(413, f"The JSON has more than {MOST_BRACKETS:,} lists and objects.")


def depth(text: bytes) -> int:
    """How many brackets are open at the deepest place; of broken JSON no less than a parser would see."""
    brackets = STRING.sub(b"", text).translate(None, NO_BRACKETS)
    if not brackets:
        return 0
    codes = np.frombuffer(brackets, dtype=np.uint8)
    steps = np.where((codes == ord("[")) | (codes == ord("{")), np.int32(1), np.int32(-1))
    return max(int(np.cumsum(steps, dtype=np.int32).max()), 0)


def json_check(most_depth: int) -> Check:
    """Counts brackets: nested too deeply, or so many that the parsed lists would exhaust memory."""

    async def check(body: bytes) -> None:
        brackets = body.count(b"[") + body.count(b"{")
        if brackets > MOST_BRACKETS:
            raise BracketsTooMany
        if brackets <= most_depth:
            return
        found = depth(body) if len(body) <= FEW_BYTES else await run_in_threadpool(depth, body)
        if found > most_depth:
            raise NestedTooDeeply(most_depth)

    return check
