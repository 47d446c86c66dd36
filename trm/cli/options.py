"""Options that many commands share: how results are printed, which service is meant, what every job takes."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter
from typing import Annotated, Any

import typer

Options = Mapping[str, tuple[object, object]]  # name -> annotation and default

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Url = Annotated[str | None, typer.Option("--url", help="Address of the service; otherwise TRM_URL, or a profile's.")]
ApiKey = Annotated[
    str | None, typer.Option("--api-key", help="Key to it; otherwise TRM_API_KEY, which other users do not see.")
]
ProfileName = Annotated[
    str | None, typer.Option("--profile", help="A profile that `trm login` has made; otherwise the newest.")
]
JOB: Options = {
    "name": (Annotated[str | None, typer.Option(help="What to call the job, and the run of a training.")], None),
    "tag": (Annotated[list[str] | None, typer.Option(help="A word to list it by; may be given again.")], None),
    "metadata": (
        Annotated[list[str] | None, typer.Option(help="Anything of yours as key=value; may be given again.")],
        None,
    ),
    "priority": (Annotated[int, typer.Option(min=-10, max=10, help="Jobs with a higher one start first.")], 0),
    "ttl_seconds": (Annotated[int | None, typer.Option(min=1, help="Fail unless begun within this time.")], None),
    "timeout_seconds": (Annotated[int | None, typer.Option(min=1, help="Fail after running this long.")], None),
    "detach": (Annotated[bool, typer.Option("--detach", "-d", help="Submit it and return at once.")], False),
}


def parameters_of(command: Callable[..., object]) -> list[Parameter]:
    """The parameters that a command is written with, or has been given."""
    return [*inspect.signature(command).parameters.values()]


def take(command: Callable[..., Any], parameters: Iterable[Parameter], more: Options) -> Callable[..., Any]:
    """The command, which Typer gives these parameters, and more options after them."""
    added = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in more.items()
    ]
    signature = inspect.Signature([*parameters, *added])
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    return command
