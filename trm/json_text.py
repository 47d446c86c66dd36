"""JSON as this package writes and reads it: numbers that are not finite are null, which JSON has no word for."""

import json
import math
from typing import Any


def to_json(document: object, *, indent: int | None = None, compact: bool = False) -> str:
    """The document as JSON that every reader takes."""
    separators = (",", ":") if compact else None
    try:
        return json.dumps(document, indent=indent, separators=separators, allow_nan=False)
    except ValueError:  # some number is not finite, which is rare: only now all are looked at
        return json.dumps(_finite(document), indent=indent, separators=separators, allow_nan=False)


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
