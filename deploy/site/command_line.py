"""The reference page of the command line, from the commands themselves."""

from collections.abc import Iterator
from enum import Enum
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from typer.core import TyperArgument

from deploy.site.table import render_table
from trm.cli.commands import COMMANDS, load_command
from trm.cli.exit_codes import ExitCode

HEAD = """\
# Command line

Every command of `trm` with its options, written by `make reference`; `trm COMMAND --help` says the same. [The
guide](../how-to/command-line.md) shows a session, and says what the exit statuses mean.
"""


def command_line_page() -> str:
    """The page: commands in the order of `trm --help`."""
    parts = [HEAD, _contents()]
    for name in COMMANDS:
        parts += _command(f"trm {name}", load_command(name))
    parts.append("## Exit statuses\n")
    parts.append(render_table(("status", "name"), ((str(int(code)), f"`{code.name}`") for code in ExitCode)))
    return "\n".join(parts)


def _contents() -> str:
    rows = [(f"[`trm {name}`](#trm-{name})", entry.summary, entry.panel) for name, entry in COMMANDS.items()]
    return render_table(("command", "what", "where"), rows)


def _command(path: str, command: Any, level: int = 2) -> Iterator[str]:  # noqa: ANN401 - a class of Typer's own
    given = [parameter for parameter in command.params if not parameter.hidden]
    inner = getattr(command, "commands", {})
    words = [
        path,
        *(_metavar(parameter) for parameter in given if _is_argument(parameter)),
        *(["COMMAND"] if inner else []),
    ]
    yield f"{'#' * level} {path}\n"
    yield f"`{' '.join(words)}`\n"
    if command.help:
        yield f"{' '.join(command.help.split())}\n"
    yield render_table(("argument or option", "values", "default", "what"), map(_parameter, given))
    for name, below in inner.items():
        yield from _command(f"{path} {name}", below, level + 1)


def _parameter(parameter: Any) -> tuple[str, str, str, str]:  # noqa: ANN401
    names = [_metavar(parameter)] if _is_argument(parameter) else [*parameter.opts, *parameter.secondary_opts]
    shown = ", ".join(f"`{name}`" for name in names)
    return shown, _values(parameter.type_descriptor.annotation), _default(parameter), parameter.help or ""


def _is_argument(parameter: Any) -> bool:  # noqa: ANN401
    return isinstance(parameter, TyperArgument)


def _metavar(parameter: Any) -> str:  # noqa: ANN401
    name: str = parameter.metavar or parameter.name.upper()
    return f"{name}..." if parameter.nargs == -1 and not name.endswith("...") else name


def _values(kind: Any) -> str:  # noqa: ANN401 - any annotation
    if kind is bool or kind is NoneType:
        return ""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{one.value}`" for one in kind)
    if get_origin(kind) is Literal:
        return ", ".join(f"`{one}`" for one in get_args(kind))
    inner = list(dict.fromkeys(filter(None, map(_values, get_args(kind)))))
    plain = {"str": "text", "Path": "path", "int": "integer", "float": "number"}
    return " or ".join(inner) if inner else plain.get(kind.__name__, "")


def _default(parameter: Any) -> str:  # noqa: ANN401
    if parameter.required and not _is_argument(parameter):
        return "required"
    value = parameter.default
    if value in (None, False, (), []) or callable(value):
        return ""
    return f"`{getattr(value, 'value', value)}`" if value is not True else "yes"
