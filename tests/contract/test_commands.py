"""Every command of `trm` takes --json, and the guide or the API says what it prints then."""

from typing import Any

import pytest

from tests.commands import FIELDS, RESOURCES, every_command
from tests.openapi import SCHEMAS

COMMANDS = dict(every_command())


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_command_takes_json(command: Any) -> None:  # noqa: ANN401 - a class of Typer's own
    assert "--json" in [option for parameter in command.params for option in parameter.opts]


def test_what_every_command_prints_as_json_is_documented() -> None:
    listed = {command.partition(" --")[0] for command in FIELDS}
    assert listed | RESOURCES.keys() == COMMANDS.keys()
    assert listed & RESOURCES.keys() == set()
    schemas = {name for value in RESOURCES.values() if value for name in ([value] if isinstance(value, str) else value)}
    assert schemas <= SCHEMAS.keys()
