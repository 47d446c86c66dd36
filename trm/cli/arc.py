"""`trm arc`: a checkpoint's score on ARC, by votes over variants, and the submission file."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from trm.cli.options import AsJson
from trm.cli.overrides import effort_of
from trm.cli.service.printing import tell
from trm.cli.source import Device, EffortSettings
from trm.interface.effort import Effort
from trm.json_text import to_json
from trm.puzzles.arc.rows import evaluation_rows
from trm.puzzles.arc.sets import ArcSets
from trm.puzzles.arc.votes import Ballot


def arc(
    checkpoint: Annotated[list[Path], typer.Option(help="A checkpoint folder; several need --ensemble.")],
    data: Annotated[str, typer.Option(help="arc-1, arc-2, or the tasks of a file or folder.")] = "arc-1",
    variants: Annotated[int, typer.Option(min=1, help="Variants of each task that vote, the original counted.")] = 1001,
    tasks: Annotated[int | None, typer.Option(min=1, help="Only the first N tasks.")] = None,
    ensemble: Annotated[bool, typer.Option("--ensemble", help="Let several checkpoints vote together.")] = False,
    submission: Annotated[Path | None, typer.Option(help="Write two attempts for every test pair as JSON.")] = None,
    effort: EffortSettings = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Answer every held-out task in many variants and count the votes: pass@k, and a submission file."""
    from trm.checkpoints.checkpoint import read_meta
    from trm.data.splits import arc_sets_of

    sets = arc_sets_of(data, read_meta(checkpoint[0]).config.train.arc_variants)
    names = [group.task.name for group in sets.held_out][:tasks]
    sets = sets.testing_only(names)
    ballot = Ballot([group.task for group in sets.held_out], ensemble=ensemble)
    for folder in checkpoint:
        _vote(folder, sets, variants, ballot, effort_of(effort or []), device)
    if submission is not None:
        submission.write_text(to_json(ballot.submission()))
    scores = ballot.scores() if ballot.is_scored else None
    if as_json or scores is None:
        document = {"tasks": len(names), "ensemble": ensemble, "pass_at": scores}
        tell(f"No test pair of {data} has a known answer to compare with.", document, as_json=as_json)
        return
    who = f"an ensemble of {len(checkpoint)} checkpoints" if ensemble else str(checkpoint[0])
    table = Table("tries", "tasks solved", title=f"{who} on {len(names)} tasks of {data}", title_justify="left")
    for k, score in scores.items():
        table.add_row(str(k), f"{score:.2%}")
    Console(highlight=False).print(table)


def _vote(folder: Path, sets: ArcSets, variants: int, ballot: Ballot, effort: Effort, device: str) -> None:
    from trm.evaluation.arc import cast_votes, require_identifiers
    from trm.solving.solver import Solver

    solver, rows = Solver.load(folder, device), evaluation_rows(sets, variants)
    require_identifiers(solver, sets)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(f"{folder.name} answers", total=len(rows))
        for done in cast_votes(solver, str(folder), rows, ballot, effort):
            progress.update(task, completed=done)
