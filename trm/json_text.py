"""JSON as this package writes and reads it: numbers that are not finite are null, which JSON has no word for."""

import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any

Default = Callable[[Any], Any] | None


def to_json(
    document: object, *, indent: int | None = None, compact: bool = False, escape: bool = True, default: Default = None
) -> str:
    """The document as JSON that every reader takes; `escape` writes it in ASCII alone, `default` stands in for what JSON does not know."""
    separators = (",", ":") if compact else None
    write = partial(
        json.dumps, indent=indent, separators=separators, ensure_ascii=escape, default=default, allow_nan=False
    )
    try:
        return write(document)
    except ValueError:  # some number is not finite, which is rare: only now all are looked at
        return write(_finite(document))


def from_json(text: str | bytes) -> Any:  # noqa: ANN401  whatever it holds
    """The document; NaN and Infinity, which other writers leave in, are None. Raises ValueError."""
    return json.loads(text, parse_constant=lambda _name: None)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
