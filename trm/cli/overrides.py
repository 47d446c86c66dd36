"""Settings changed on the command line: `--set key=value`."""

import json
from typing import Any

from trm.errors import InvalidOverride


def parsed(overrides: list[str]) -> dict[str, Any]:
    """`key=value` pairs; values are JSON where they parse as such, otherwise strings."""
    parsed: dict[str, Any] = {}
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise InvalidOverride(f"--set takes key=value, not {override!r}.")
        try:
            parsed[key] = json.loads(value)
        except ValueError:
            parsed[key] = value
    return parsed
