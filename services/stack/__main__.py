"""`python -m services.stack`: the operator's commands."""

import sys
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Console

from services.registry.errors import RegistryError
from services.registry.logging import configure_logging
from services.registry.settings import load_settings
from services.stack import logs, operator, state
from services.stack.client import Client
from services.stack.demo import run_demo
from services.stack.errors import StackError
from services.stack.parts import is_ready
from services.stack.supervisor import Supervisor

cli = typer.Typer(add_completion=False, no_args_is_help=True, help="The whole service, embedded on this machine.")
console = Console(highlight=False)


@cli.command()
def up(foreground: Annotated[bool, typer.Option("--foreground", help="Stay until Ctrl-C.")] = False) -> None:
    """Start the stack and wait until it is ready."""
    settings = load_settings()
    if foreground:
        configure_logging(settings.log_level, settings.log_format, part="supervisor")
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        lock = state.acquire(settings.data_dir)
        if lock is None:
            raise StackError("It runs already.")
        with lock:
            Supervisor(settings).run()
        return
    running, is_new = operator.up(settings, lambda name: console.print(f"  [green]+[/] {name}"))
    console.print(f"The stack {'is up' if is_new else 'is running already'}: [bold]{running.api}[/]")
    console.print(
        f"  data and logs  {settings.data_dir}\n  API docs       {running.api}/docs\n  stop           make down"
    )


@cli.command()
def down() -> None:
    """Stop the stack; its data stays."""
    was_up = operator.down(load_settings())
    console.print("The stack is stopped; its data is kept." if was_up else "No stack was running.")


@cli.command()
def status() -> None:
    """Say whether the stack runs, where, and which processes it has; exits 3 when it does not."""
    running = state.read(load_settings().data_dir)
    if running is None:
        console.print("No stack is running. Start it with: make up")
        raise typer.Exit(3)
    answers = "ready" if is_ready(running.api) else "does not answer" if running.ready else "starting"
    console.print(f"[bold]{running.api}[/] {answers} (supervisor {running.supervisor.pid})")
    if running.waits_for:
        console.print(f"  waits for {running.waits_for}")
    for name, part in running.parts.items():
        console.print(f"  {name:<14} process {part.pid:<8} {running.metrics.get(name, '')}")


@cli.command(name="logs")
def show_logs(
    part: Annotated[str | None, typer.Argument(help="gateway, worker-train, ...; all unless given.")] = None,
    lines: Annotated[int, typer.Option(min=1, help="How many lines of each.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Continue with new lines until Ctrl-C.")] = False,
) -> None:
    """Show the end of the logs."""
    files = operator.log_files(load_settings(), part)
    for file in files:
        console.rule(file.stem)
        print("\n".join(logs.tail(file, lines)))
    with suppress(KeyboardInterrupt):
        for name, line in logs.follow(files) if follow else ():
            print(f"{name:<14} {line}", flush=True)


@cli.command()
def demo(
    started_at: Annotated[float | None, typer.Option(help="Unix time at which the set-up began.")] = None,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="TRM_API_KEY", help="Where the API asks for one; made for a day unless given."),
    ] = None,
) -> None:
    """Train a small model through the service and solve puzzles with it."""
    settings = load_settings()
    running, _ = operator.up(settings, lambda name: console.print(f"  [green]+[/] {name}"))
    if api_key is None and (api_key := operator.key_for_a_day(running)) is not None:
        console.print("The API asks for keys; this one is good for a day:")
        print(f"  export TRM_API_KEY={api_key}")
    with Client(running.api, api_key) as client:
        sys.exit(0 if run_demo(client, settings.data_dir, started_at, console) else 1)


def main() -> None:
    """Run a command; an expected error becomes one line and exit status 1."""
    try:
        cli()
    except (StackError, RegistryError) as error:
        Console(stderr=True, highlight=False).print(f"[bold red]error[/] {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
