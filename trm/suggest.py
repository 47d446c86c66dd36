"""Suggests the known names closest to a mistyped one."""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 100  # characters; comparing longer ones takes long


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?`, or nothing when no known name is close."""
    close = get_close_matches(name[:LONGEST].lower(), list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
