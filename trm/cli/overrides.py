"""Settings given on the command line as `key=value`."""

import json
from typing import Any

from pydantic import ValidationError

from trm.errors import ConfigError, InvalidOverride
from trm.interface.effort import Effort


def parse(overrides: list[str]) -> dict[str, Any]:
    """`key=value` pairs; values are JSON where they parse as such, otherwise strings."""
    parsed: dict[str, Any] = {}
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise InvalidOverride(f"Give key=value, not {override!r}.")
        try:
            parsed[key] = json.loads(value)
        except ValueError:
            parsed[key] = value
    return parsed


def effort_of(settings: list[str]) -> Effort:
    """The effort from command-line settings; raises ConfigError for a setting that is unknown, out of range or contradicts another."""
    try:
        return Effort(**parse(settings))
    except ValidationError as error:
        known = ", ".join(Effort.model_fields)
        sentence = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'effort'}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"This effort is not possible: {sentence}. Settings: {known}.") from error
