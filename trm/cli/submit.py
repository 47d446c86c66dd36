"""`trm submit`: work for a service; the command waits with a progress bar, and Ctrl-C leaves the job to the service."""

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from trm.cli.overrides import effort_of, parse
from trm.cli.service.printing import print_json, show_fields
from trm.cli.service.session import Session
from trm.cli.service.submitting import Fields, submits
from trm.cli.source import EffortSettings
from trm.puzzles.reading.text import open_text

if TYPE_CHECKING:
    from trm.client.api import Job, TrainingPlan

cli = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Submit a job to a service, and follow it; Ctrl-C leaves it, and it goes on.",
)
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Change a setting: train.steps=200.")]
DatasetName = Annotated[str | None, typer.Option("--dataset", help="Name or id of a data set of the service.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what it would be and how long it would take; queue nothing.")
]
RemoteModel = Annotated[
    str, typer.Option("--model", help="Name of a model (trm models list), id of a checkpoint, or of a run.")
]
DEFAULT = "sudoku-4x4"  # a preset


@cli.command()
@submits
def train(
    session: Session,
    fields: Fields,
    preset: Annotated[str, typer.Option(help="A named recipe; see `trm inspect --presets`.")] = DEFAULT,
    overrides: Overrides = None,
    dataset: DatasetName = None,
    dry_run: DryRun = False,
) -> "Job":
    """Train a model; prints the job's id with --detach, else its result."""
    request = (
        fields | {"preset": preset, "overrides": parse(overrides or [])} | ({"dataset": dataset} if dataset else {})
    )
    if dry_run:
        show_plan(session, session.client.plan_training(**request))
    return session.client.train(**request)


def show_plan(session: Session, plan: "TrainingPlan") -> None:
    """Print what a training would be, and end the command."""
    if session.as_json:
        print_json(plan.to_dict())
        raise typer.Exit
    config, estimate = plan.config, plan.estimate
    show_fields(
        {
            "preset": config.preset,
            "data set": config.dataset,
            "training puzzles": plan.train_puzzles,
            "updates": config.train.steps,
            "batch": config.train.batch_size,
            "duration": f"about {estimate.seconds:,.0f} s ({estimate.basis})",
            "warnings": estimate.warnings,
            "hardware": plan.hardware,
            "begins with": plan.parent_checkpoint_id,
        }
    )
    raise typer.Exit


@cli.command()
@submits
def solve(
    session: Session,
    fields: Fields,
    puzzles: Annotated[
        list[str], typer.Argument(metavar="PUZZLE...", help="Cells as text; - reads one puzzle a line from stdin.")
    ],
    model: RemoteModel,
    effort: EffortSettings = None,
) -> "Job":
    """Solve puzzles; up to three are drawn, of more there is a line each."""
    given: list[Any] = [puzzle for word in puzzles for puzzle in (_read_lines() if word == "-" else [word])]
    asked = effort_of(effort or []).model_dump(exclude_defaults=True)
    return session.client.solve(**fields, **asked, model=model, puzzles=given)


def _read_lines() -> list[str]:
    with open_text(sys.stdin.buffer) as text:
        return [line.strip() for line in text if line.strip()]


@cli.command()
@submits
def evaluate(
    session: Session,
    fields: Fields,
    model: RemoteModel,
    dataset: DatasetName = None,
    split: Annotated[
        Literal["train", "validation", "test"], typer.Option(help="Which split of the data set.")
    ] = "test",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N puzzles.")] = None,
    effort: EffortSettings = None,
) -> "Job":
    """Examine a model on puzzles with known answers: accuracy by step, and how far to trust its confidence."""
    optional: Fields = {
        name: value for name, value in {"dataset": dataset, "limit": limit}.items() if value is not None
    }
    asked = effort_of(effort or []).model_dump(exclude_defaults=True)
    return session.client.evaluate(**fields, **asked, **optional, model=model, split=split)
