"""The reference page of what `import trm` and `import trm.client` offer, from signatures and docstrings."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass

import trm
from trm import client

HEAD = """\
# Python

Written by `make reference` from signatures and docstrings. `import trm` is the library ([how to use it](../how-to/library.md));
`trm.client` speaks to a service ([how](../how-to/clients.md)), and its records are those of [the API](api-records.md). Everything else is
internal and may change.
"""


def python_page() -> str:
    """The page: the library, then the client with what hangs on it."""
    library = [(f"trm.{name}", getattr(trm, name)) for name in trm.__all__ if not name.startswith("_")]
    offered = [(f"trm.client.{name}", getattr(client, name)) for name in client.__all__]
    parts = [HEAD, "## The library\n", *_members(library), "## The client\n", *_members(offered), *_nouns()]
    return "\n".join(parts)


def _nouns() -> Iterator[str]:
    with client.Client("http://127.0.0.1:1") as connected:  # asks nothing
        known = [
            (f"client.{name}", type(noun)) for name, noun in vars(connected).items() if hasattr(noun, "_transport")
        ]
    yield from _members(known)


def _members(members: Sequence[tuple[str, Callable[..., object]]]) -> Iterator[str]:
    for name, member in members:
        yield f"### {name}\n"
        if inspect.isclass(member):
            yield from _class(name, member)
        else:
            yield _signature(name, member)
            yield _said(member)


def _class(name: str, member: type) -> Iterator[str]:
    if "__init__" in vars(member) and not name.startswith("client.") and not _is_record(member):
        yield _signature(name, vars(member)["__init__"])
    yield _said(member)
    yield from (f"- `{field}`{said and ': '}{said}" for field, said in _fields(member))
    for method, value in vars(member).items():
        if isinstance(value, property) and not method.startswith("_"):
            yield f"- `{method}`: {_first(value.fget)}"
        plain = getattr(value, "__func__", value)
        if inspect.isfunction(plain) and not method.startswith("_"):
            yield f"- `{method}{_written(plain)}`: {_first(plain)}"
    yield ""


def _is_record(member: type) -> bool:
    return is_dataclass(member) or hasattr(member, "model_fields")


def _fields(member: type) -> Iterator[tuple[str, str]]:
    """The fields of a record with what is said of them: by Pydantic, or in the comment beside it."""
    if hasattr(member, "model_fields"):
        yield from ((name, field.description or "") for name, field in member.model_fields.items())
    elif is_dataclass(member):
        comments = dict(re.findall(r"(?m)^    (\w+): .*?(?:  # (.*))?$", inspect.getsource(member)))
        yield from ((field.name, comments.get(field.name, "")) for field in fields(member))


def _signature(name: str, member: Callable[..., object]) -> str:
    return f"`{name}{_written(member)}`\n"


def _written(member: Callable[..., object]) -> str:
    """A function's parameters and result as its source has them, without `self`."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(member)))
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    function.args.args = [argument for argument in function.args.args if argument.arg not in ("self", "cls")]
    result = "" if function.returns is None or function.name == "__init__" else f" -> {ast.unparse(function.returns)}"
    return f"({ast.unparse(function.args)}){result}"


def _said(member: object) -> str:
    text = inspect.getdoc(member) or ""
    return re.sub(r"(?m)^ {4}.*\n?", lambda line: line[0], text) + "\n"


def _first(member: object) -> str:
    return " ".join((inspect.getdoc(member) or "").split("\n\n")[0].split())
