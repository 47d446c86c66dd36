"""Refuses JSON that would take far more memory and time than its bytes: nested too deeply, or of too many lists, values or fields."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool

from services.gateway.middleware.whole_body import Check
from services.gateway.problems.errors import BodyTooDeep, BodyTooLarge

MOST_BRACKETS = 500_000  # an empty list takes 3 bytes to send and 64 to keep; no request has so many rows
MOST_VALUES = 2_000_000  # a value takes 2 bytes to send and up to 60 to keep; more cells are written as texts
MOST_FIELDS = 1_000  # an unknown field takes 7 bytes to send and 2,000 to refuse; ours have some hundred
FEW_BYTES = 4096  # looked through on the spot: a thread would take longer
PIECE_BYTES = 1 << 20
QUOTE, COMMA, COLON, OPENING, CLOSING = b'"', b",", b":", b"[{", b"]}"


class Extent(NamedTuple):
    """What a parser would make of a text; of invalid JSON at least what it would reach."""

    depth: int  # of brackets
    commas: int
    colons: int


def measure(text: bytes) -> Extent:
    """Count what stands outside of strings, in one pass over the bytes."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")  # what is left of quotes begins and ends strings
    deepest = open_brackets = commas = colons = quotes = 0
    for begin in range(0, len(text), PIECE_BYTES):
        codes = np.frombuffer(text, dtype=np.uint8, count=min(PIECE_BYTES, len(text) - begin), offset=begin)
        seen = quotes + np.cumsum(_is_one_of(codes, QUOTE), dtype=np.int64)
        outside = seen % 2 == 0
        commas += int((outside & _is_one_of(codes, COMMA)).sum())
        colons += int((outside & _is_one_of(codes, COLON)).sum())
        steps = (outside & _is_one_of(codes, OPENING)).astype(np.int32) - (outside & _is_one_of(codes, CLOSING))
        depths = open_brackets + np.cumsum(steps)
        deepest = max(deepest, int(depths.max()))
        open_brackets, quotes = int(depths[-1]), int(seen[-1])
    return Extent(deepest, commas, colons)


def _is_one_of(codes: NDArray[np.uint8], marks: bytes) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = codes == marks[0]
    for mark in marks[1:]:
        found |= codes == mark
    return found


def json_check(most_depth: int) -> Check:
    """Measures bodies that could be beyond a limit, which few are."""

    async def check(body: bytes) -> None:
        brackets = body.count(b"[") + body.count(b"{")
        if brackets > MOST_BRACKETS:
            raise BodyTooLarge(f"The JSON has more than {MOST_BRACKETS:,} lists and objects.")
        if brackets <= most_depth and body.count(COMMA) <= MOST_VALUES and body.count(COLON) <= MOST_FIELDS:
            return
        found = measure(body) if len(body) <= FEW_BYTES else await run_in_threadpool(measure, body)
        if found.depth > most_depth:
            raise BodyTooDeep(f"The JSON is nested deeper than {most_depth} brackets.")
        if found.commas > MOST_VALUES:
            raise BodyTooLarge(f"The JSON has more than {MOST_VALUES:,} values. Write puzzles as texts, not as lists.")
        if found.colons > MOST_FIELDS:
            raise BodyTooLarge(f"The JSON has more than {MOST_FIELDS:,} fields.")

    return check
