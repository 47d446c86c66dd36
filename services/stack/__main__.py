"""The operator's commands: `python -m services.stack`, and as commands of `trm`."""

import sys
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.console import Console

from services.registry.logging import configure_logging
from services.registry.settings import Settings, load_settings
from services.stack import logs, operator, state
from services.stack.errors import StackError, tell_errors
from services.stack.naming import command
from services.stack.parts import is_ready
from services.stack.supervisor import Supervisor
from trm.json_text import to_json

NOT_RUNNING = 3  # exit status, as every command of `trm` ends when there is no service
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]

cli = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The whole service, embedded on this machine.",
)
console = Console(highlight=False)


@cli.command()
@tell_errors
def up(
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start the stack and wait until it is ready."""
    settings = load_settings()
    if foreground:
        _supervise(settings)
        return
    tell = Console(stderr=True, highlight=False) if as_json else console
    running, is_new = operator.up(settings, lambda name: tell.print(f"  [green]+[/] {name}"))
    if as_json:
        print(to_json(_describe(settings, running)))
        return
    console.print(f"The stack {'is up' if is_new else 'is running already'}: [bold]{running.api}[/]")
    console.print(
        f"  data and logs  {settings.data_dir}\n  API docs       {running.api}/docs\n  stop           {command('down')}"
    )


def _supervise(settings: Settings) -> None:
    configure_logging(settings.log_level, settings.log_format, part="supervisor")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    lock = state.acquire(settings.data_dir)
    if lock is None:
        raise StackError("It runs already.")
    with lock:
        Supervisor(settings).run()


@cli.command()
@tell_errors
def down(as_json: AsJson = False) -> None:
    """Stop the stack; its data stays."""
    was_up = operator.down(load_settings())
    if as_json:
        print(to_json({"stopped": was_up}))
        return
    console.print("The stack is stopped; its data is kept." if was_up else "No stack was running.")


@cli.command()
@tell_errors
def status(as_json: AsJson = False) -> None:
    """Say whether the stack runs, where, and which processes it has; exits 3 when it does not."""
    settings = load_settings()
    running = state.read(settings.data_dir)
    if as_json:
        print(to_json(_describe(settings, running)))
    elif running is None:
        console.print(f"No stack is running. Start it with: {command('up')}")
    else:
        _show(running)
    if running is None:
        raise typer.Exit(NOT_RUNNING)


def _describe(settings: Settings, running: state.State | None) -> dict[str, Any]:
    """The stack for programs; addresses of database and broker are left out, since they may hold passwords."""
    if running is None:
        return {"running": False, "data_dir": str(settings.data_dir)}
    parts = {name: {"process": part.pid, "metrics": running.metrics.get(name)} for name, part in running.parts.items()}
    return {
        "running": True,
        "data_dir": str(settings.data_dir),
        "url": running.api,
        "ready": is_ready(running.api),
        "waits_for": running.waits_for,
        "parts": parts,
    }


def _show(running: state.State) -> None:
    answers = "ready" if is_ready(running.api) else "does not answer" if running.ready else "starting"
    console.print(f"[bold]{running.api}[/] {answers} (supervisor {running.supervisor.pid})")
    if running.waits_for:
        console.print(f"  waits for {running.waits_for}")
    for name, part in running.parts.items():
        console.print(f"  {name:<14} process {part.pid:<8} {running.metrics.get(name, '')}")


@cli.command(name="logs")
@tell_errors
def show_logs(
    part: Annotated[str | None, typer.Argument(help="gateway, worker-train, ...; all unless given.")] = None,
    lines: Annotated[int, typer.Option(min=1, help="How many lines of each.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Continue with new lines until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for each line.")] = False,
) -> None:
    """Show the end of the logs."""
    files = operator.log_files(load_settings(), part)
    for file in files:
        if as_json:
            for line in logs.tail(file, lines):
                print(to_json({"part": file.stem, "line": line}))
            continue
        console.rule(file.stem)
        print("\n".join(logs.tail(file, lines)))
    with suppress(KeyboardInterrupt):
        for name, line in logs.follow(files) if follow else ():
            print(to_json({"part": name, "line": line}) if as_json else f"{name:<14} {line}", flush=True)


@cli.command()
@tell_errors
def demo(
    started_at: Annotated[float | None, typer.Option(help="Unix time at which the set-up began.")] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="TRM_API_KEY", help="Where the API asks for one; made for a day unless given.")
    ] = None,
) -> None:
    """Train a small model through the service and solve puzzles with it."""
    from services.stack.day_key import key_for_a_day  # these load what no other command needs
    from services.stack.demo import run_demo
    from trm.client import Client

    settings = load_settings()
    running, _ = operator.up(settings, lambda name: console.print(f"  [green]+[/] {name}"))
    if api_key is None and (api_key := key_for_a_day(running)) is not None:
        console.print("The API asks for keys; this one is good for a day:")
        print(f"  export TRM_API_KEY={api_key}")
    with Client(running.api, api_key) as client:
        sys.exit(0 if run_demo(client, api_key, settings.data_dir, started_at, console) else 1)


if __name__ == "__main__":
    cli()
