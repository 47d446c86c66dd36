"""`trm datasets`: the data sets that ship with the package, and those of a service."""

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from trm.cli.options import AsJson
from trm.cli.service.printing import age, print_json, progress_bar, show_fields, show_list
from trm.cli.service.session import Session, on_service
from trm.errors import ConfigError
from trm.puzzles.datasets.datasets import BUILTIN, SPLITS, BuiltinDataset, load

if TYPE_CHECKING:
    from trm.client.api import Dataset

cli = typer.Typer(add_completion=False, invoke_without_command=True)


@cli.callback()
def datasets(context: typer.Context, as_json: AsJson = False) -> None:
    """List the built-in data sets; the commands list, show and upload those of a service."""
    if context.invoked_subcommand is not None:
        return
    if as_json:
        print_json({"data": [_to_fields(dataset) for dataset in BUILTIN.values()]})
        return
    table = Table("data set", *SPLITS, "what", title="Data sets", title_justify="left")
    for name, dataset in BUILTIN.items():
        sizes = _count(dataset)
        table.add_row(name, *(f"{sizes[split]:,}" if sizes.get(split) else "-" for split in SPLITS), dataset.summary)
    Console().print(table)


def _count(dataset: BuiltinDataset) -> dict[str, int | None]:
    """Puzzles of each split; None for ARC, which is assembled from its tasks in half a minute."""
    return {split: None if dataset.spec.kind == "arc" else len(load(dataset.name, split)) for split in dataset.splits}


def _to_fields(dataset: BuiltinDataset) -> dict[str, object]:
    """A data set by the names that the API has for its parts."""
    names = ("name", "summary", "licence")
    return {
        **{name: getattr(dataset, name) for name in names},
        "kind": dataset.spec.kind,
        "puzzle": dataset.spec.model_dump(mode="json"),
        "splits": _count(dataset),
    }


@cli.command("list")
@on_service
def list_datasets(session: Session, limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100) -> None:
    """List the data sets of a service: built-in ones, then uploaded ones, newest first."""
    found = [*islice(session.client.datasets.list(), limit)]
    columns = {
        "data set": lambda dataset: dataset.name,
        "puzzles": lambda dataset: f"{dataset.puzzle.rows}x{dataset.puzzle.cols} {dataset.kind}",
        "splits": _splits,
        "age": lambda dataset: "built in" if dataset.builtin else age(dataset.created_at),
        "id": lambda dataset: dataset.id,
    }
    show_list(found, columns, "There is no data set.", as_json=session.as_json)


def _splits(dataset: "Dataset") -> str:
    return ", ".join(f"{name} {'?' if count is None else f'{count:,}'}" for name, count in dataset.splits.items())


@cli.command()
@on_service
def show(session: Session, name: Annotated[str, typer.Argument(help="Name or id of a data set.")]) -> None:
    """Show one data set: its puzzles, splits, and what was found when it was uploaded."""
    _show(session, session.client.datasets.get(name))


def _show(session: Session, dataset: "Dataset") -> None:
    if session.as_json:
        print_json(dataset.to_dict())
        return
    report = dataset.report
    show_fields(
        {
            "data set": dataset.name,
            "id": dataset.id,
            "puzzles": f"{dataset.puzzle.rows}x{dataset.puzzle.cols} {dataset.kind}",
            "splits": _splits(dataset),
            "what": dataset.summary,
            "licence": dataset.licence,
            "overlap": dataset.overlap,
            "findings": report and "\n".join(report.findings),
            "presets": report and report.presets,
            "uploaded": dataset.created_at,
        }
    )


@cli.command()
@on_service
def upload(
    session: Session,
    name: Annotated[str, typer.Argument(help="What to call it: small letters, digits, dots, dashes and underscores.")],
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with columns question and answer, or JSON objects; gzip allowed.", exists=True, dir_okay=False
        ),
    ],
    test_file: Annotated[
        Path | None, typer.Option(help="Held-out puzzles; a share of FILE unless given.", exists=True, dir_okay=False)
    ] = None,
    kind: Annotated[Literal["sudoku", "maze", "grid"], typer.Option(help="What puzzles they are.")] = "sudoku",
    rules: Annotated[
        Path | None, typer.Option(help="JSON file of rules that every answer obeys.", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Upload a table of puzzles, which is stored when every row is right."""
    stated = None if rules is None else _read_rules(rules)
    with progress_bar() as bar:
        task = bar.add_task(f"uploading {file.name}")
        uploaded = session.client.datasets.upload(
            name,
            file,
            kind=kind,
            rules=stated,
            test_file=test_file,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    _show(session, uploaded)


def _read_rules(file: Path) -> dict[str, object]:
    try:
        rules = json.loads(file.read_text())
    except ValueError as error:
        raise ConfigError(f"{file} is not JSON: {error}") from error
    if not isinstance(rules, dict):
        raise ConfigError(f'{file} holds no rules. Write an object, such as {{"rows": true, "columns": true}}.')
    return rules
