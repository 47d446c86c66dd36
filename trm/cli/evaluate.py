"""`trm evaluate`: a checkpoint's accuracy on a data file or data set."""

from dataclasses import asdict
from typing import Annotated

import typer

from trm.cli.options import AsJson
from trm.cli.overrides import effort_of
from trm.cli.remarks import print_remarks
from trm.cli.service.printing import tell
from trm.cli.source import Checkpoint, Device, EffortSettings, Model, folder_of
from trm.interface.progress import progress


def evaluate(
    checkpoint: Checkpoint = None,
    model: Model = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="A table (gzip accepted), a built-in data set or a data set folder; the model's own unless given."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Which split of a data set.")] = "test",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N puzzles.")] = None,
    effort: EffortSettings = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Solve every puzzle and compare with its answer; every puzzle takes all steps, as in the paper, unless an effort is given."""
    folder, asked = folder_of(checkpoint, model), effort_of(effort or [])
    from trm.evaluation import evaluation  # takes seconds: not before the simple mistakes are found
    from trm.solving.solver import Solver

    solver = Solver.load(folder, device)
    puzzles = evaluation.puzzles_for(solver, data or solver.config.dataset, split).take(limit)
    print_remarks(puzzles)
    with progress(len(puzzles), "evaluating", quiet=as_json) as advance:
        result = evaluation.evaluate(solver, puzzles, effort=asked, on_solution=lambda _i, _solution: advance())
    tell(result, asdict(result), as_json=as_json)
