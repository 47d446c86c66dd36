"""`trm ablate`: what each idea is worth on a small Sudoku, with the same seeds and budget."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from trm.cli.options import AsJson
from trm.cli.overrides import parse
from trm.cli.place import require_place
from trm.cli.source import Device
from trm.config.ablations import ABLATIONS
from trm.experiments.ablate import configurations, run_all, write
from trm.experiments.plots import require_matplotlib
from trm.experiments.results import BASE, Row, Trial, rows
from trm.json_text import to_json


def ablate(
    only: Annotated[str, typer.Option(help="Names separated by commas; all unless given. See --list.")] = "",
    preset: Annotated[str, typer.Option(help="The recipe to change.")] = "sudoku-4x4",
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Change a setting of all: train.steps=200.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Trainings of each.")] = 3,
    jobs: Annotated[int, typer.Option(min=1, help="Trainings at a time, one thread each.")] = 2,
    out: Annotated[Path, typer.Option(help="Folder for ablation.md, .json and .svg.")] = Path("ablation"),
    device: Device = "auto",
    listed: Annotated[bool, typer.Option("--list", help="List the ablations and leave.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train the recipe as it is and with each change, and write a table with spread and a plot."""
    console = Console(highlight=False, stderr=as_json)
    if listed:
        _list_ablations(console, as_json)
        return
    names = [BASE, *(name.strip() for name in only.split(",") if name.strip() != BASE)] if only else [BASE, *ABLATIONS]
    require_matplotlib()  # now, rather than after an hour
    require_place(out)
    configs = configurations(preset, names, seeds, parse(overrides or []))
    changed = f" with {', '.join(overrides)}" if overrides else ""
    heading = f"{preset}{changed}: {seeds} seeds"
    trials: list[Trial] = []
    for trial in track(run_all(configs, jobs, device), "training", total=len(configs), console=Console(stderr=True)):
        trials.append(trial)
        console.print(f"{trial.ablation}, seed {trial.seed}: {trial.exact_accuracy:.1%} exact, {trial.seconds:.0f} s")
        write(out, heading, trials, rows(trials, names))  # after each, so that an end before the end loses nothing
    if as_json:
        print(to_json({"path": str(out), "trials": [asdict(trial) for trial in trials]}))
        return
    console.print(_format_table(rows(trials, names)))
    console.print(f"written to {out}")


def _list_ablations(console: Console, as_json: bool) -> None:
    if as_json:
        names = ("name", "summary", "source", "published")
        print(to_json({"data": [{name: getattr(one, name) for name in names} for one in ABLATIONS.values()]}))
        return
    table = Table("ablation", "what", "source", "published, %", title="Ablations", title_justify="left")
    for name, ablation in ABLATIONS.items():
        published = "-" if ablation.published is None else str(ablation.published)
        table.add_row(name, ablation.summary, ablation.source, published)
    console.print(table)


def _format_table(table: list[Row]) -> Table:
    shown = Table("recipe", "exact", "spread", "cells", "parameters", "seconds")
    for row in table:
        shares = (f"{share:.1%}" for share in (row.mean, row.spread, row.cell_accuracy))
        shown.add_row(row.ablation, *shares, f"{row.parameters:,}", f"{row.seconds:.0f}")
    return shown
