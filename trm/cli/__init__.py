"""The command line of the science: one command, one file."""

import sys
from collections.abc import Callable

import typer
from rich.console import Console

from trm.errors import DatasetError, PackageMissing, TrmError


def build() -> typer.Typer:
    """The application with all its commands."""
    from trm.cli import (
        ablate,
        arc,
        audit,
        convert,
        datasets,
        evaluate,
        export,
        export_run,
        generate,
        golden,
        inspect,
        models,
        pack,
        solve,
        train,
        unpack,
    )

    app = typer.Typer(
        no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Tiny Recursive Models."
    )
    commands: tuple[Callable[..., None], ...] = (
        train.train,
        evaluate.evaluate,
        solve.solve,
        arc.arc,
        ablate.ablate,
        audit.audit,
        inspect.inspect,
        generate.generate,
        golden.golden,
        convert.convert,
        export.export,
        pack.pack,
        unpack.unpack,
        models.models,
    )
    for command in commands:
        app.command()(command)
    app.command("datasets")(datasets.datasets)
    app.command("export-run")(export_run.run)
    return app


def main() -> None:
    """Run the command; a TrmError becomes one clear message and exit status 1."""
    try:
        build()()
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "safetensors"):
            raise
        fail(f"This command needs {error.name}. Install it with: pip install 'trm-service[torch]'", PackageMissing.code)
    except TrmError as error:
        fail(str(error), error.code)
        if isinstance(error, DatasetError):
            for problem in error.problems[:10]:
                print(f"  row {problem.row}: {problem.message} [{problem.code}]", file=sys.stderr)
    else:
        return
    sys.exit(1)


def fail(message: str, code: str) -> None:
    """Print an error on stderr."""
    Console(stderr=True, highlight=False).print(f"[bold red]error[/] {message} [dim]\\[{code}][/]", soft_wrap=True)
