"""`trm evaluate`: a checkpoint's accuracy on a data file or data set."""

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console

from trm.cli.overrides import effort_of
from trm.cli.progress import progress, share
from trm.cli.remarks import tell_remarks
from trm.cli.source import Checkpoint, Model, folder_of
from trm.errors import TrmError
from trm.interface.effort import Effort
from trm.interface.interval import wilson
from trm.json_text import to_json
from trm.puzzles.arc.files import holds_tasks
from trm.puzzles.datasets.datasets import load
from trm.puzzles.datasets.tables import read_table
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.scoring import PADDING, answered, mean, right_cells

if TYPE_CHECKING:
    from trm.solving.solver import Solver


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
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many puzzles.")] = None,
    effort: Annotated[
        list[str] | None,
        typer.Option("--effort", help="How hard to think: halt_threshold=0.5, rollouts=8, noise=0.3, views=4, ..."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Solve every puzzle and compare with its answer; every puzzle takes all steps, as in the paper, unless an effort is given."""
    from trm.solving.solver import Solver

    solver = Solver.load(folder_of(checkpoint, model), device)
    puzzles = _puzzles(data or solver.config.dataset, split, solver).take(limit)
    tell_remarks(puzzles)
    result = _measured(solver, puzzles, effort_of(effort or []), quiet=as_json)
    if as_json:
        print(to_json(result))
        return
    verified = f", {share(result['verified'])} verified by the rules" if result["verified"] is not None else ""
    Console(highlight=False).print(
        f"{_scored(result)}{verified}; {result['mean_total_steps']:.2f} supervision steps a puzzle, {result['seconds']:.1f} s"
    )


def _scored(result: dict[str, Any]) -> str:
    if result["interval"] is None:
        return "no answers to compare with"
    low, high = result["interval"]
    return (
        f"[bold]{result['exact_accuracy']:.2%}[/] of {result['n']:,} puzzles exactly right (95 %: {low:.2%} to {high:.2%}), "
        f"{share(result['cell_accuracy'])} of cells"
    )


def _puzzles(data: str, split: str, solver: "Solver") -> PuzzleSet:
    path = Path(data)
    if path.is_file() and not holds_tasks(path):
        return read_table(path, kind=solver.spec.kind, spec=solver.spec)
    puzzles = load(data, split)
    if puzzles.spec != solver.spec:
        raise TrmError(
            f"The checkpoint solves {solver.spec.rows}x{solver.spec.cols} {solver.spec.kind}; {data} is something else."
        )
    return puzzles


def _measured(solver: "Solver", puzzles: PuzzleSet, effort: Effort, *, quiet: bool) -> dict[str, Any]:
    begun = time.monotonic()
    with progress(len(puzzles), "evaluating", quiet=quiet) as advance:
        solutions = solver.solve(
            puzzles.questions, effort, puzzle_ids=puzzles.puzzle_ids, on_solution=lambda _index, _solution: advance()
        )
    right = right_cells(np.stack([s.tokens for s in solutions]), puzzles.answers)
    asked, count = puzzles.answers != PADDING, len(puzzles)
    exact = right[answered(puzzles.answers)].all(1)
    verified = [s.verified for s in solutions if s.verified is not None]
    return {
        "n": len(exact),
        "exact_accuracy": mean(exact),
        "interval": wilson(int(exact.sum()), len(exact)) if len(exact) else None,  # 95 %
        "cell_accuracy": mean(right[asked]),
        "verified": sum(verified) / count if verified else None,
        "mean_supervision_steps": sum(s.steps for s in solutions) / count,
        "mean_total_steps": sum(s.total_steps for s in solutions) / count,
        "stopped": dict(Counter(s.reason for s in solutions)),
        "effort": effort.model_dump(exclude_defaults=True),
        "seconds": round(time.monotonic() - begun, 3),
    }
