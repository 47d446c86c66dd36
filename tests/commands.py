"""The commands of `trm`, and what each prints with --json: fields by the guide's table, or a resource of the API."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema

from tests.openapi import DOCUMENT, SCHEMAS
from trm.cli.commands import COMMANDS, load_command

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs/how-to/command-line.md").read_text()
RESOURCES = {  # commands that print what a service has answered -> the schema; a list where they print several
    "submit train": "Job", "submit solve": "Job", "submit evaluate": "Job", "runs fork": "Job",
    "jobs list": ["Job"], "jobs show": "Job", "jobs cancel": "Job", "jobs pause": "Job", "jobs resume": "Job", "jobs retry": "Job",
    "jobs watch": None, "jobs logs": "LogLine",  # events are not in the document: tests/acceptance/test_command_line.py
    "runs list": ["RunSummary"], "runs show": "Run", "runs compare": ["Run"],
    "models list": "ModelList", "models promote": "ModelVersion",
    "datasets list": ["Dataset"], "datasets show": "Dataset", "datasets upload": "Dataset",
    "keys list": ["ApiKey"], "keys create": "CreatedApiKey", "keys revoke": "ApiKey",
}  # fmt: skip


def read_fields() -> dict[str, list[set[str]]]:
    """By command, the fields of its document and of each part, as the guide's table has them."""
    found = {}
    for commands, fields in re.findall(r"^\| (`trm [^|]+) \| ([^|]+) \|$", GUIDE, re.MULTILINE):
        levels = [set(re.findall(r"`(\w+)`", part)) for part in fields.partition("; ")[0::2]]
        for command in re.findall(r"`trm ([^`]+)`", commands):
            found[command] = levels
    return found


FIELDS = read_fields()


def every_command() -> Iterator[tuple[str, Any]]:
    """Every command that does something by itself, with its options."""
    for name in COMMANDS:
        command = load_command(name)
        inner = getattr(command, "commands", {})
        if not inner or command.invoke_without_command:
            yield name, command
        yield from ((f"{name} {verb}", below) for verb, below in inner.items())


def require_resource(document: object, schema: str | list[str]) -> None:
    """Fails unless the document is of this schema of the API, or a list of such."""
    if isinstance(schema, list):
        assert isinstance(document, dict)
        assert document.keys() == {"data"}
        assert document["data"], "an empty list shows no fields"
        for part in document["data"]:
            require_resource(part, schema[0])
        return
    wanted = {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    jsonschema.validate(document, wanted)
    assert isinstance(document, dict)
    assert document.keys() <= SCHEMAS[schema]["properties"].keys()
