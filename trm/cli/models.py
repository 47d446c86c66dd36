"""`trm models`: the models that ship with the package, and those of a service."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from trm.cli.options import AsJson
from trm.cli.service.printing import age, percent, print_json, progress_bar, show_table, size, tell
from trm.cli.service.session import Session, on_service
from trm.errors import CheckpointNotFound, ConfigError
from trm.interface.pretrained import Pretrained, names, pretrained

if TYPE_CHECKING:
    from trm.client.api import Model, ModelVersion

cli = typer.Typer(add_completion=False, invoke_without_command=True)


@cli.callback()
def models(context: typer.Context, as_json: AsJson = False) -> None:
    """List the shipped models with what was measured of them; `--model NAME` of other commands takes one.

    The commands list, promote and download the models of a service.
    """
    if context.invoked_subcommand is not None:
        return
    if as_json:
        print_json({"data": [_to_fields(pretrained(name)) for name in names()]})
        return
    table = Table("model", "puzzles", "parameters", "MB", "one pass", "verified, thinking harder", title="Models")
    for name in names():
        model = pretrained(name)
        puzzle, measured = model.config.puzzle, model.measured
        harder = measured.harder
        table.add_row(
            name,
            f"{puzzle.rows}x{puzzle.cols} {puzzle.kind}",
            f"{model.parameters:,}",
            f"{model.bytes / 1e6:.2f}",
            str(measured.exact),
            "-" if harder is None or harder.verified is None else f"{harder.verified:,} of {harder.exact.n:,}",
        )
    Console().print(table)


def _to_fields(model: Pretrained) -> dict[str, object]:
    """What is known without torch, by the names that the API has for it."""
    config, exact = model.config, model.measured.exact
    names = ("name", "parameters", "bytes", "licence", "cost")
    accuracy = {"right": exact.right, "n": exact.n, "exact_accuracy": exact.share, "interval": exact.interval}
    return {
        **{name: getattr(model, name) for name in names},
        "folder": str(model.folder),
        "puzzle": config.puzzle.model_dump(mode="json"),
        "any_size": config.model.any_size,
        "preset": config.preset,
        "dataset": config.dataset,
        "test": accuracy,
    }


@cli.command("list")
@on_service
def list_models(session: Session) -> None:
    """List the models of a service: names that checkpoints were promoted to, and those that ship."""
    found = session.client.models.list()
    if session.as_json:
        print_json(found.to_dict())
        return
    rows: list[Model | ModelVersion] = [*found.promoted, *found.data]
    columns = {
        "model": lambda model: model.name,
        "what": lambda model: _describe(model),
        "one pass": lambda model: percent(model.test.exact_accuracy) if hasattr(model, "test") else None,
        "age": lambda model: age(model.created_at) if hasattr(model, "created_at") else "ships",
    }
    show_table(rows, columns, "There is no model.")


def _describe(model: "Model | ModelVersion") -> str:
    from trm.client.api import Model

    if not isinstance(model, Model):
        return f"version {model.version}, {model.checkpoint_id}"
    puzzle = model.puzzle
    return f"{'any size of' if model.any_size else f'{puzzle.rows}x{puzzle.cols}'} {puzzle.kind}, {model.parameters:,} parameters"


@cli.command()
@on_service
def promote(
    session: Session,
    name: Annotated[str, typer.Argument(help="Small letters, digits, dots and dashes.")],
    checkpoint: Annotated[
        str, typer.Argument(metavar="CHECKPOINT|RUN", help="Id of a checkpoint, or of a run: its newest.")
    ],
) -> None:
    """Let a name point at a checkpoint; what it pointed at before is kept as an earlier version."""
    version = session.client.models.promote(name, checkpoint)
    sentence = f"{version.name} is {version.checkpoint_id} now, version {version.version}"
    tell(sentence, version.to_dict(), as_json=session.as_json)


@cli.command()
@on_service
def download(
    session: Session,
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A promoted name, or the id of a checkpoint or of a run.")
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The tar file; CHECKPOINT.tar unless given.")] = None,
) -> None:
    """Download a model's checkpoint as a tar; one that was broken off is continued by the same command.

    Unpacked, its folder is a --checkpoint for the commands that solve and train here.
    """
    checkpoint = _checkpoint_of(session, model)
    with progress_bar() as bar:
        task = bar.add_task(f"downloading {checkpoint}")
        file = session.client.checkpoints.download(
            checkpoint, out, on_progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    document = {"checkpoint": checkpoint, "file": str(file), "bytes": file.stat().st_size}
    tell(f"{file} ({size(file.stat().st_size)})", document, as_json=session.as_json)


def _checkpoint_of(session: Session, model: str) -> str:
    """The id of the checkpoint that a name, or a run's newest state, stands for; raises ConfigError for a model that ships."""
    if model.startswith("ckpt_"):
        return model
    if model.startswith("run_"):
        newest = next(session.client.runs.checkpoints(model, page_size=1), None)
        if newest is None:
            raise CheckpointNotFound(f"The run {model} has no checkpoint yet.")
        return newest.id
    from trm.client.api import Model

    found = session.client.models.get(model)
    if isinstance(found, Model):
        raise ConfigError(f"The model {model} ships with the package: every installation has it already.")
    return found.checkpoint_id
