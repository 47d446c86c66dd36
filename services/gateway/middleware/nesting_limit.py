"""Refuses JSON whose brackets are nested too deeply or are too many, before a parser makes lists of them."""

import re

import numpy as np
from starlette.concurrency import run_in_threadpool

from services.gateway.middleware.whole_body import Check
from services.gateway.problems.errors import BodyTooDeep, BodyTooLarge

STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
MOST_BRACKETS = 500_000  # an empty list takes 3 bytes to send and 64 to keep; no request has so many rows
FEW_BYTES = 4096  # looked through on the spot: a thread would take longer


def depth(text: bytes) -> int:
    """Maximum nesting of brackets; for invalid JSON at least what a parser would reach."""
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
            raise BodyTooLarge(f"The JSON has more than {MOST_BRACKETS:,} lists and objects.")
        if brackets <= most_depth:
            return
        found = depth(body) if len(body) <= FEW_BYTES else await run_in_threadpool(depth, body)
        if found > most_depth:
            raise BodyTooDeep(f"The JSON is nested deeper than {most_depth} brackets.")

    return check
