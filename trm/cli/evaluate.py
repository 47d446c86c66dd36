"""`trm evaluate`: a checkpoint's accuracy on a data file or data set."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from trm.cli.progress import share
from trm.errors import TrmError
from trm.puzzles.datasets import PuzzleSet, load, read_table

if TYPE_CHECKING:
    from trm.solver import Solver

BATCH = 256


def evaluate(
    checkpoint: Annotated[Path, typer.Option(help="A checkpoint folder.")],
    data: Annotated[
        str, typer.Option(help="A CSV or JSONL file (gzip accepted), a built-in data set or a data set folder.")
    ],
    split: Annotated[str, typer.Option(help="Which split of a data set.")] = "test",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many puzzles.")] = None,
    max_steps: Annotated[
        int | None, typer.Option(min=1, help="Supervision steps; the model's own maximum unless given.")
    ] = None,
    halt_threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Let puzzles leave at this halt probability; none as in the paper."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Solve every puzzle and compare with its answer."""
    from trm.solver import Solver

    solver = Solver.load(checkpoint, device)
    puzzles = _puzzles(data, split, solver).take(limit)
    result = _measured(solver, puzzles, max_steps, halt_threshold, quiet=as_json)
    if as_json:
        print(json.dumps(result))
        return
    verified = f", {share(result['verified'])} verified by the rules" if result["verified"] is not None else ""
    Console(highlight=False).print(
        f"[bold]{share(result['exact_accuracy'])}[/] of {result['n']:,} puzzles exactly right, {share(result['cell_accuracy'])} of cells"
        f"{verified}; {result['mean_supervision_steps']:.2f} supervision steps a puzzle, {result['seconds']:.1f} s"
    )


def _puzzles(data: str, split: str, solver: "Solver") -> PuzzleSet:
    path = Path(data)
    if path.is_file():
        return read_table(path, kind=solver.spec.kind, spec=solver.spec)
    puzzles = load(data, split)
    if puzzles.spec != solver.spec:
        raise TrmError(
            f"The checkpoint solves {solver.spec.rows}x{solver.spec.cols} {solver.spec.kind}; {data} is something else."
        )
    return puzzles


def _measured(
    solver: "Solver",
    puzzles: PuzzleSet,
    max_steps: int | None,
    halt_threshold: float | None,
    *,
    quiet: bool,
) -> dict[str, Any]:
    begun = time.monotonic()
    count = len(puzzles.questions)
    exact = cells = steps = verified = 0
    for first in track(range(0, count, BATCH), "evaluating", disable=quiet, console=Console(stderr=True)):
        part = slice(first, first + BATCH)
        for solution, answer in zip(
            solver.solve(puzzles.questions[part], max_steps=max_steps, halt_threshold=halt_threshold, batch_size=BATCH),
            puzzles.answers[part],
            strict=True,
        ):
            hits = int((solution.answer == answer).sum())
            exact += hits == len(answer)
            cells += hits
            steps += solution.steps
            verified += bool(solution.verified)
    return {
        "n": count,
        "exact_accuracy": exact / count,
        "cell_accuracy": cells / (count * puzzles.spec.cells),
        "verified": verified / count if puzzles.spec.kind == "sudoku" else None,
        "mean_supervision_steps": steps / count,
        "seconds": round(time.monotonic() - begun, 3),
    }
