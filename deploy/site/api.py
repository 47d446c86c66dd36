"""The reference pages of the HTTP API, from the OpenAPI document."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.site.table import render_table

DOCUMENT = Path(__file__).parents[2] / "docs/openapi.json"
RECORDS = "api-records.md"
Json = dict[str, Any]
OPERATIONS_HEAD = """\
# API

Every request and its answers, written by `make reference` from [the OpenAPI document](../openapi.json), which a gateway serves at
`/openapi.json` and, to try out, at `/docs`. The fields of bodies are on [another page](api-records.md). Errors have one form and stable
codes: [problem codes](errors.md). From a program the [Python client](../how-to/clients.md) is shorter.

A list that can grow is read in pages: at most `limit` rows, and `next_cursor`, which asks for those that follow them, as `cursor`. Rows
that are added meanwhile shift nothing. Lines of a log, events and curves go on after a number that their rows have: `after`, `after_step`.
The queue, presets and the files of a checkpoint are few by nature and come whole, as do the targets for Prometheus, which asks for all.
"""
RECORDS_HEAD = """\
# Records of the API

What bodies of [requests and answers](api.md) hold, written by `make reference` from [the OpenAPI document](../openapi.json). A field that a
request must have is **bold**.
"""


def operations_page() -> str:
    """Every operation, by its tag."""
    document = json.loads(DOCUMENT.read_text())
    parts = [OPERATIONS_HEAD, _contents(document)]
    for tag in document["tags"]:
        name = tag["name"]
        parts.append(f"## {name[0].upper()}{name[1:]}\n\n{tag['description']}\n")
        parts += [_operation(*known) for known in _operations(document) if known[2]["tags"] == [name]]
    return "\n".join(parts)


def records_page() -> str:
    """Every schema, by its name."""
    schemas = json.loads(DOCUMENT.read_text())["components"]["schemas"]
    return "\n".join([RECORDS_HEAD, *(_record(name, schemas[name]) for name in sorted(schemas, key=str.lower))])


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def _contents(document: Json) -> str:
    rows = [
        (f"`{method} {path}`", f"[{operation['summary']}](#{_anchor(operation['summary'])})")
        for method, path, operation in _operations(document)
    ]
    return render_table(("request", "what"), rows)


def _operation(method: str, path: str, operation: Json) -> str:
    parts = [f"### {operation['summary']}\n", f"`{method} {path}` (`{operation['operationId']}`)\n"]
    if "description" in operation:
        parts.append(f"{operation['description'].strip()}\n")
    parameters = [
        (f"`{given['name']}`", given["in"], _kind(given["schema"]), given.get("description", ""))
        for given in operation.get("parameters", [])
    ]
    parts.append(render_table(("parameter", "in", "values", "what"), parameters))
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"Body: {_kind(content['schema'])} as `{media}`.\n")
    parts.append(render_table(("status", "answer", "when"), map(_answer, operation["responses"].items())))
    return "\n".join(part for part in parts if part)


def _answer(known: tuple[str, Json]) -> tuple[str, str, str]:
    status, response = known
    content = response.get("content", {})
    kinds = [
        _kind(media["schema"]) if "$ref" in media.get("schema", {}) else f"`{name}`" for name, media in content.items()
    ]
    said = response["description"].removeprefix("Successful Response")
    return status, " or ".join(kinds), re.sub(r"`([a-z_]+)`(?=: )", r"[`\1`](errors.md)", said)


def _record(name: str, schema: Json) -> str:
    parts = [f"## {_title(name)}\n"]
    if "description" in schema:
        parts.append(f"{schema['description'].strip()}\n")
    if "enum" in schema:
        parts.append(f"One of {', '.join(f'`{value}`' for value in schema['enum'])}.\n")
    if "oneOf" in schema:
        parts.append(f"{_kind(schema)}.\n")
    required = schema.get("required", [])
    rows = [
        (
            f"**`{field}`**" if field in required else f"`{field}`",
            _kind(known),
            _default(known),
            known.get("description", ""),
        )
        for field, known in schema.get("properties", {}).items()
    ]
    parts.append(render_table(("field", "values", "default", "what"), rows))
    return "\n".join(part for part in parts if part)


def _title(name: str) -> str:
    return re.sub(r"^Page_(\w+)_$", r"Page of \1", name)


def _kind(schema: Json) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{_title(name)}]({RECORDS}#{_anchor(_title(name))})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(_kind(part) for part in schema[several] if part.get("type") != "null")
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        items = schema.get("items") or {"type": " and ".join(_kind(item) for item in schema.get("prefixItems", []))}
        return f"list of {_kind(items)}"
    return f"{schema.get('format') or schema.get('type', 'anything')}{_bounds(schema)}"


def _bounds(schema: Json) -> str:
    least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    most, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    said = [("at least", least), ("above", above), ("at most", most), ("below", below)]
    return "".join(f", {words} {bound:g}" for words, bound in said if bound is not None and abs(bound) < 2**62)


def _default(schema: Json) -> str:
    return f"`{json.dumps(schema['default'])}`" if schema.get("default") not in (None, {}, []) else ""


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
