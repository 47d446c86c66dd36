"""`trm runs`: the trainings of a service."""

from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trm.cli.export_run import run as export
from trm.cli.overrides import parse
from trm.cli.service.printing import age, percent, print_json, show_fields, show_list, show_table
from trm.cli.service.session import Session, on_service
from trm.cli.service.submitting import Fields, submits
from trm.cli.submit import DatasetName, DryRun, Overrides, show_plan
from trm.interop.run_record import flatten_settings

if TYPE_CHECKING:
    from trm.client.api import Job, Run

cli = typer.Typer(add_completion=False, no_args_is_help=True, help="List, compare and fork the trainings of a service.")
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run.")]


@cli.command("list")
@on_service
def list_runs(
    session: Session,
    name: Annotated[str | None, typer.Option(help="With this in its name.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="With this tag; several must all be there.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 20,
) -> None:
    """List trainings, newest first."""
    runs = [*islice(session.client.runs.list(name=name, tag=tag or (), page_size=min(limit, 100)), limit)]
    columns = {
        "run": lambda run: run.id,
        "step": lambda run: f"{run.step:,}/{run.total_steps:,}",
        "best": lambda run: percent(run.best_exact_accuracy),
        "test": lambda run: percent(run.test_exact_accuracy),
        "name": lambda run: run.name or "",
        "age": lambda run: age(run.created_at),
        "preset": lambda run: run.preset,
        "data set": lambda run: run.dataset,
    }
    show_list(runs, columns, "There is no such run. Train one with: trm submit train", as_json=session.as_json)


@cli.command()
@on_service
def show(session: Session, run: RunId) -> None:
    """Show one training: its configuration, evaluations and checkpoints."""
    found = session.client.runs.get(run)
    if session.as_json:
        print_json(found.to_dict())
        return
    show_fields(_fields(found))
    columns = {
        "step": lambda row: row.step,
        "split": lambda row: row.split,
        "puzzles": lambda row: row.n,
        "exact": lambda row: percent(row.exact_accuracy),
        "cells": lambda row: percent(row.cell_accuracy),
        "halts at": lambda row: f"{row.mean_supervision_steps:.2f}",
    }
    print()
    show_table(session.client.runs.evaluations(found), columns, "It has not been evaluated yet.")
    print()
    columns = {"checkpoint": lambda row: row.id, "step": lambda row: row.step, "age": lambda row: age(row.created_at)}
    show_table(session.client.runs.checkpoints(found), columns, "It has no checkpoint yet.")


def _fields(run: "Run") -> dict[str, object]:
    return {
        "run": run.id,
        "name": run.name,
        "tags": run.tags,
        "metadata": run.metadata,
        "job": run.job_id,
        "preset": run.preset,
        "data set": run.dataset,
        "step": f"{run.step:,} of {run.total_steps:,}",
        "parameters": run.parameters,
        "device": run.device,
        "begun with": run.parent_checkpoint_id,
        "created": run.created_at,
    }


@cli.command()
@on_service
def compare(
    session: Session,
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="Ids of two runs or more.")],
) -> None:
    """Put trainings side by side: what they came to, and the settings in which they differ."""
    if len(runs) < 2:
        raise typer.BadParameter("give the ids of two runs or more", param_hint="RUN")
    found = [session.client.runs.get(run) for run in runs]
    if session.as_json:
        print_json({"data": [run.to_dict() for run in found]})
        return
    for number, run in enumerate(found, 1):
        print(f"{number}  {run.id}  {run.name or ''}".rstrip())
    print()
    results: dict[str, list[object]] = {
        "step": [f"{run.step:,} of {run.total_steps:,}" for run in found],
        "parameters": [run.parameters for run in found],
        "best exact accuracy": [percent(run.best_exact_accuracy) for run in found],
        "test exact accuracy": [percent(run.test_exact_accuracy) for run in found],
    }
    lines = results | differences([run.config.to_dict() for run in found])
    rows = [(name, *values) for name, values in lines.items()]
    names = ("", *map(str, range(1, len(found) + 1)))
    show_table(rows, {name: itemgetter(place) for place, name in enumerate(names)}, "")


def differences(configs: list[dict[str, Any]]) -> dict[str, list[object]]:
    """The settings in which configurations differ, by their path: the value of each, None where one has none."""
    flat = [dict(flatten_settings(config)) for config in configs]
    names = dict.fromkeys(name for config in flat for name in config)
    values = {name: [config.get(name) for config in flat] for name in names}
    return {name: row for name, row in values.items() if any(value != row[0] for value in row)}


@cli.command()
@submits
def fork(
    session: Session,
    fields: Fields,
    source: Annotated[
        str, typer.Argument(metavar="RUN|CHECKPOINT", help="Whose weights to begin with; of a run the newest.")
    ],
    overrides: Overrides = None,
    dataset: DatasetName = None,
    dry_run: DryRun = False,
) -> "Job":
    """Train a new run that begins with the weights of another, in its configuration."""
    request = fields | {"from_checkpoint": source, "overrides": parse(overrides or [])}
    request |= {"dataset": dataset} if dataset else {}
    if dry_run:
        show_plan(session, session.client.plan_training(**request))
    return session.client.train(**request)


cli.command("export")(on_service(export))
