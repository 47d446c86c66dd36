"""Why the embedded stack cannot do what was asked, and how the operator is told."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from services.registry.errors import RegistryError
from trm.errors import TrmError

P = ParamSpec("P")
R = TypeVar("R")


class StackError(Exception):
    """A sentence for the operator: what is wrong and what to do."""


def tell_errors(command: Callable[P, R]) -> Callable[P, R]:
    """The command with its expected errors told in one line: it exits 1."""

    @wraps(command)
    def run(*args: P.args, **options: P.kwargs) -> R:
        try:
            return command(*args, **options)
        except (StackError, RegistryError, TrmError) as error:
            message = str(error)
        Console(stderr=True, highlight=False).print(f"[bold red]error[/] {escape(message)}", soft_wrap=True)
        raise typer.Exit(1)

    return run
