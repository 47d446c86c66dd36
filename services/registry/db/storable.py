"""What Postgres can hold of a text: every string and every JSON value passes here on its way to the server.

Postgres has no NUL in a text and UTF-8 no lone surrogate, while JSON and a percent-encoded path have both. Such a character is replaced
as undecodable bytes are, so that a text is looked up by what it would have been stored as.
"""

import re
from typing import Any

import psycopg
from psycopg.types.json import set_json_dumps
from psycopg.types.string import StrBinaryDumper, StrDumperUnknown

from trm.json_text import to_json

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")  # the same as JSON writes them; a pair of surrogates looks alike
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def storable(text: str) -> str:
    """The text with a replacement character for each that Postgres cannot hold."""
    return UNSTORABLE.sub(REPLACEMENT, text)


def storable_json(value: object) -> str:
    """JSON that Postgres takes."""
    written = to_json(value)
    return to_json(_clean(value)) if ESCAPED.search(written) else written


def _clean(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list | tuple) else value


class _Text(StrDumperUnknown):
    def dump(self, obj: str) -> bytes:
        return storable(obj).encode()


class _BinaryText(StrBinaryDumper):
    def dump(self, obj: str) -> bytes:
        return storable(obj).encode()


def adapt(connection: psycopg.Connection, _record: object) -> None:
    """Have a new connection send only what the server can hold."""
    for dumper in (_BinaryText, _Text):  # the last one is the default
        connection.adapters.register_dumper(str, dumper)
    set_json_dumps(storable_json, connection)
