"""The commands of `trm` by name: what each is for, and where it is found when it is asked for."""

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from trm.errors import PackageMissing

GROUP = "trm.commands"  # of entry points: the commands that another distribution brings
SCIENCE, MODELS, SERVICE, HERE = "On this machine", "Models and data", "On a service", "The service itself"


@dataclass(frozen=True)
class Entry:
    """A command: the line that lists it, and the module or the distribution that has it."""

    summary: str
    panel: str
    module: str | None = None  # of this package; None for a command of the server's distribution


COMMANDS = {
    "train": Entry("Train a model and save checkpoints.", SCIENCE, "trm.cli.train"),
    "evaluate": Entry("Solve every puzzle of a data set and compare with its answer.", SCIENCE, "trm.cli.evaluate"),
    "solve": Entry("Solve a puzzle, here or on a service.", SCIENCE, "trm.cli.solve"),
    "arc": Entry("Score a model on ARC tasks, with votes over variants.", SCIENCE, "trm.cli.arc"),
    "ablate": Entry("Train variants of a recipe side by side.", SCIENCE, "trm.cli.ablate"),
    "golden": Entry(
        "Compare the model with recorded outputs of the official implementation.", SCIENCE, "trm.cli.golden"
    ),
    "models": Entry("List the models that ship; with a command, those of a service.", MODELS, "trm.cli.models"),
    "datasets": Entry("List the built-in data sets; with a command, those of a service.", MODELS, "trm.cli.datasets"),
    "generate": Entry("Make puzzles with exactly one answer.", MODELS, "trm.cli.generate"),
    "audit": Entry("Examine a data set: what would distort a score.", MODELS, "trm.cli.audit"),
    "inspect": Entry("Show a checkpoint, or the presets.", MODELS, "trm.cli.inspect"),
    "convert": Entry("Convert an official checkpoint.", MODELS, "trm.cli.convert"),
    "export": Entry("Write a checkpoint as a model for others.", MODELS, "trm.cli.export"),
    "pack": Entry("Split a checkpoint into files of limited size.", MODELS, "trm.cli.pack"),
    "unpack": Entry("Put a pack together again.", MODELS, "trm.cli.pack"),
    "submit": Entry("Submit a training, solve or evaluation job, and follow it.", SERVICE, "trm.cli.submit"),
    "jobs": Entry("List, watch and control jobs.", SERVICE, "trm.cli.jobs"),
    "runs": Entry("List, compare and fork trainings.", SERVICE, "trm.cli.runs"),
    "keys": Entry("List, create and revoke API keys.", SERVICE, "trm.cli.keys"),
    "login": Entry("Keep the address of a service and a key to it as a profile.", SERVICE, "trm.cli.login"),
    "up": Entry("Start the embedded stack of this folder.", HERE),
    "down": Entry("Stop the embedded stack.", HERE),
    "status": Entry("Say whether the embedded stack runs, and where.", HERE),
    "logs": Entry("Show the logs of the embedded stack.", HERE),
    "doctor": Entry("Examine this machine and the service, and say how to mend what is wrong.", HERE, "trm.cli.doctor"),
}


class LazyGroup(TyperGroup):
    """Loads the code of the command that is invoked, and of no other: `trm --help` lists summaries alone."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - a class of Typer's own
        """The names, in the order of the table."""
        return [*COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        """The command as help and completion list it: name and summary."""
        entry = COMMANDS.get(cmd_name)
        return entry and TyperCommand(cmd_name, help=entry.summary, rich_help_panel=entry.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """The command that is invoked or completed, loaded; a name that is not known is refused with its likeness."""
        self.commands = {name: self.get_command(ctx, name) for name in COMMANDS}  # for suggestions
        name, found, rest = super().resolve_command(ctx, args)
        return name, found and load_command(name or ""), rest


def load_command(name: str) -> Any:  # noqa: ANN401
    """The command of this name, with its options; raises PackageMissing where its distribution is not installed."""
    module = COMMANDS[name].module
    code = module and import_module(module)
    found = getattr(code, "cli", None) or getattr(code, name) if code else _from_server(name)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        found = alone
    command = typer.main.get_command(found)
    command.name = name
    return command


def _from_server(name: str) -> Any:  # noqa: ANN401
    for entry_point in entry_points(group=GROUP, name=name):
        return entry_point.load()
    raise PackageMissing(
        f"`trm {name}` comes with the service, which is not installed here. From a clone: make install; into an environment of your "
        "own: pip install trm-service-server 'trm-service[torch,stack]'."
    )
