"""Writes the types of the Python client, `trm/client/api.py`, from the OpenAPI document: one truth for both."""

import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

TARGET = "trm/client/api.py"
WIDTH = 110  # of a docstring's line
FEW = 5  # fields: with fewer in common, a class stands for itself
JOB_REQUEST = "JobRequest"  # what requests for a job have in common
BY_HAND = ("Page_", "Body_", "JsonValue")  # the generic Page, forms (a method's own parameters), and what is Any
HEAD = '''"""What the HTTP API offers and answers, as types: written by `make openapi` from docs/openapi.json, not by hand."""

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, Required, TypedDict

from pydantic import Field

from trm.client.record import NEWER_TOO, Record


class Operation(NamedTuple):
    """How an operation is asked for."""

    method: str
    path: str  # with the names of its parameters in braces
    takes_key: bool  # whether an Idempotency-Key makes it safe to repeat


'''
PLAIN = {
    "string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None", "object": "dict[str, Any]",
}  # fmt: skip


def render_client_types(document: Schema) -> str:
    """The module's source; needs ruff, which formats it."""
    schemas = {
        name: schema for name, schema in document["components"]["schemas"].items() if not name.startswith(BY_HAND)
    }
    requests = {name for name, schema in schemas.items() if _is_request(name, document)}
    schemas = _share_fields(schemas, requests)
    parts = [HEAD, *_write_operations(document)]
    for name in _sort_by_use(schemas):
        schema = schemas[name]
        if "enum" in schema or "oneOf" in schema:
            about = f"{_write_docstring(schema['description'])}\n" if "description" in schema else ""
            parts.append(f"{name} = {_write_type(schema)}\n{about}")
        else:
            parts.append(_write_class(name, schema, is_request=name in requests or name == JOB_REQUEST))
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", TARGET, "-"]
    return subprocess.run(command, input="\n".join(parts), capture_output=True, text=True, check=True).stdout


def _is_request(name: str, document: Schema) -> bool:
    """Whether operations take it as a body."""
    operations = (operation for item in document["paths"].values() for operation in item.values())
    bodies = (operation["requestBody"]["content"] for operation in operations if "requestBody" in operation)
    return any(_read_name(media["schema"]) == name for body in bodies for media in body.values())


def _share_fields(schemas: Mapping[str, Schema], requests: set[str]) -> dict[str, Schema]:
    """The same schemas, a field said once: what all requests for a job have, and what a record has of a smaller one, is inherited."""
    jobs = [name for name in requests if "priority" in schemas[name]["properties"]]
    first, *others = (schemas[name]["properties"] for name in jobs)
    alike = {field: inner for field, inner in first.items() if all(other.get(field) == inner for other in others)}
    shared = {"description": "What every request for a job may say.", "properties": alike}
    found = {JOB_REQUEST: shared, **schemas}
    for name, schema in schemas.items():
        if (base := JOB_REQUEST if name in jobs else _find_base(name, schemas, requests)) is not None:
            own = {f: inner for f, inner in schema["properties"].items() if f not in found[base]["properties"]}
            found[name] = {**schema, "allOf": [{"$ref": base}], "properties": own}
    return found


def _find_base(name: str, schemas: Mapping[str, Schema], requests: set[str]) -> str | None:
    """The largest record all of whose fields this one has too."""
    fields = _describe_fields(schemas[name])
    inside = {
        other: len(facts)
        for other, schema in schemas.items()
        if not {name, other} & requests
        and FEW <= len(facts := _describe_fields(schema)) < len(fields)
        and facts.items() <= fields.items()
    }
    return max(inside, key=lambda other: inside[other], default=None)


def _describe_fields(schema: Schema) -> dict[str, str]:
    required = schema.get("required", ())
    return {field: repr((inner, field in required)) for field, inner in schema.get("properties", {}).items()}


def _write_operations(document: Schema) -> Iterator[str]:
    found = {
        operation["operationId"]: (method.upper(), path, any(_is_key(p) for p in operation.get("parameters", ())))
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    yield f"OperationId = Literal[{_quote(list(found))}]\n"
    yield "OPERATIONS: dict[OperationId, Operation] = {"
    yield from (f"    {name!r}: Operation({_quote(operation)})," for name, operation in found.items())
    yield "}\n"


def _is_key(parameter: Schema) -> bool:
    return parameter["in"] == "header" and str(parameter["name"]).lower() == "idempotency-key"


def _sort_by_use(schemas: Mapping[str, Schema]) -> list[str]:
    """Names such that each stands after those that it needs."""
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        for used in _find_references(schemas[name]):
            if used in schemas and used not in ordered:
                visit(used)
        ordered[name] = None

    for name in schemas:
        if name not in ordered:
            visit(name)
    return list(ordered)


def _find_references(part: object) -> Iterator[str]:
    if isinstance(part, Mapping):
        if isinstance(part.get("$ref"), str):
            yield _read_name(part)
        for inner in part.values():
            yield from _find_references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _find_references(inner)


def _write_class(name: str, schema: Schema, *, is_request: bool) -> str:
    base = next((_read_name(part) for part in schema.get("allOf", ())), "TypedDict" if is_request else "Record")
    head = f"class {name}({base}, total=False):" if is_request else f"class {name}({base}):"
    lines = [head, _write_docstring(schema["description"]), ""]
    for field, inner in schema["properties"].items():
        is_required = field in schema.get("required", ())
        lines.append(f"{field}: {_write_field(inner, is_request=is_request, is_required=is_required)}")
        if description := inner.get("description"):
            lines.append(_write_docstring(description))
    return textwrap.indent("\n".join(lines), "    ").removeprefix("    ") + "\n\n"


def _write_field(schema: Schema, *, is_request: bool, is_required: bool) -> str:
    kind, default = _write_type(schema), schema.get("default")
    if is_request:
        return f"Required[{kind}]" if is_required else kind
    if is_required:
        return kind
    if default is None:
        return f"{kind} = None" if "None" in kind else f"{kind} | None = None"
    if isinstance(default, list | dict):
        factory = kind if "$ref" in schema else type(default).__name__
        return f"{kind} = Field(default_factory={factory})"
    return f"{kind} = {default!r}"


def _write_docstring(text: str) -> str:
    lines = [line for part in text.splitlines() for line in textwrap.wrap(part, WIDTH) or [""]]
    end = "\n" if len(lines) > 1 else ""
    return '"""' + "\n".join(lines).replace("\\", "\\\\") + f'{end}"""'


def _write_type(schema: Schema) -> str:
    """The Python type of a schema."""
    if "$ref" in schema:
        name = _read_name(schema)
        return "Any" if name == "JsonValue" else name
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Annotated[Literal[{_quote(schema['enum'])}], NEWER_TOO]"
    if "oneOf" in schema:  # told apart by a field
        union = " | ".join(map(_write_type, schema["oneOf"]))
        return f'Annotated[{union}, Field(discriminator="{schema["discriminator"]["propertyName"]}"), NEWER_TOO]'
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(map(_write_type, schema["anyOf"])))
    if "prefixItems" in schema:
        return f"tuple[{', '.join(map(_write_type, schema['prefixItems']))}]"
    if schema.get("type") == "array":
        return f"list[{_write_type(schema.get('items', {}))}]"
    if isinstance(values := schema.get("additionalProperties"), Mapping):
        return f"dict[str, {_write_type(values)}]"
    if schema.get("format") == "date-time":
        return "datetime"
    return PLAIN.get(schema.get("type", ""), "Any")


def _read_name(schema: Schema) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _quote(values: Iterable[object]) -> str:
    return ", ".join(map(repr, values))
