"""The command line: the science on this machine, and a service that does it elsewhere. One noun, one file."""

import sys

import typer
from rich.console import Console
from rich.markup import escape

from trm.cli.commands import LazyGroup
from trm.cli.exit_codes import ExitCode, exit_code_of
from trm.durable import NO_ROOM
from trm.errors import CodedError, DatasetError, FileUnusable, PackageMissing, StorageFull
from trm.version import trm_version

EXTRAS = {"torch": "torch", "safetensors": "torch", "httpx2": "client"}  # package -> the extra that brings it
LISTED = 10  # parts at fault


def build() -> typer.Typer:
    """The application with all its commands."""
    app = typer.Typer(
        cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False, help="Tiny Recursive Models."
    )

    @app.callback()
    def start(
        version: bool = typer.Option(
            False, "--version", is_eager=True, help="Print the version.", callback=_print_version
        ),
    ) -> None:
        pass

    return app


def _print_version(asked: bool) -> None:
    if asked:
        print(trm_version())
        raise typer.Exit


def main() -> None:
    """Run the command; an error that is expected becomes one clear message and its exit status."""
    try:
        build()()
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        missing = PackageMissing(
            f"This command needs {error.name}. Install it with: pip install 'trm-service[{EXTRAS[error.name]}]'"
        )
        sys.exit(report(missing))
    except CodedError as error:
        sys.exit(report(error))
    except OSError as error:
        if (known := _explain(error)) is None:
            raise
        sys.exit(report(known))


def _explain(error: OSError) -> CodedError | None:
    """A file that cannot be used, in words; None for what has nothing to do with files."""
    where = f" {error.filename}" if error.filename else ""
    if error.errno in NO_ROOM:
        return StorageFull(
            f"There is no room left for{where or ' what is written'}. Delete something there, or choose another place."
        )
    if error.filename is None:
        return None
    return FileUnusable(
        f"Cannot use{where}: {error.strerror}. See that it is there and that you may use it, or name another."
    )


def report(error: CodedError) -> ExitCode:
    """Print an error on stderr; the value is the exit status that it stands for."""
    message = f"[bold red]error[/] {escape(str(error))} [dim]\\[{error.code}][/]"
    Console(stderr=True, highlight=False).print(message, soft_wrap=True)
    for line in [*_parts_at_fault(error)[:LISTED], *getattr(error, "__notes__", ())]:
        print(f"  {line}", file=sys.stderr)
    return exit_code_of(error)


def _parts_at_fault(error: CodedError) -> list[str]:
    """The rows of a data file, or the parts of a request to a service, that are wrong."""
    if isinstance(error, DatasetError):
        return [f"row {problem.row}: {problem.message} [{problem.code}]" for problem in error.problems]
    if (items := getattr(error, "items", None)) is None:
        return []
    places = ((f"row {item.row}" if item.row else item.pointer or item.parameter, item.detail) for item in items)
    return [f"{place}: {detail}" for place, detail in places if place and detail not in str(error)]
