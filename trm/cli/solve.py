"""`trm solve`: one puzzle, readable, step by step if asked."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from trm.cli.overrides import effort_of
from trm.cli.source import Checkpoint, Device, EffortSettings, Model, folder_of
from trm.errors import ConfigError
from trm.interface.effort import usual_effort
from trm.interface.pretrained import suitable_for
from trm.puzzles.drawing.picture import svg
from trm.puzzles.drawing.render import render
from trm.puzzles.reading.text import open_text

SUFFIXES = (".txt", ".csv", ".json", ".sdk", ".sdm", ".ss")  # no puzzle ends like this

if TYPE_CHECKING:
    from trm.interface.solution import Solution

LONGEST = 1 << 20  # characters of a puzzle
LONGEST_NAME = 1_000  # of a file


def solve(
    puzzle: Annotated[
        str,
        typer.Argument(help="The puzzle's cells as one string, a file that holds them, or - to read them from stdin."),
    ],
    checkpoint: Checkpoint = None,
    model: Model = None,
    effort: EffortSettings = None,
    picture: Annotated[Path | None, typer.Option(help="Write the answer as an SVG picture.")] = None,
    steps: Annotated[bool, typer.Option("--steps", help="Show the answer after every supervision step.")] = False,
    device: Device = "auto",
) -> None:
    """Solve a puzzle, by the shipped model for its kind and size unless one is named.

    Unless an effort is given, it halts at probability 1/2, or searches until the rules agree where the model can.

    Exits 2 when the rules do not verify the answer.
    """
    asked, cells = effort_of(effort) if effort else None, _read(puzzle)
    folder = folder_of(checkpoint, model) if checkpoint or model else suitable_for(cells).folder
    from trm.interface.solution import SolveStep
    from trm.solving.solver import Solver  # takes seconds: not before the simple mistakes are found

    solver, console = Solver.load(folder, device), Console(highlight=False)
    spec, question = solver.parse(cells)
    solver, effort_used = solver.resize(spec), asked or usual_effort(spec, solver.config.model)
    previous = question

    def show(step: SolveStep) -> None:
        nonlocal previous
        chain = f" of chain {step.chain}" if effort_used.chains > 1 else ""
        console.print(
            f"step {step.step}{chain}: halt probability {step.halt_probability:.3f}, {len(step.changed_cells)} cells changed"
        )
        console.print(render(solver.spec, step.tokens, givens=question, previous=previous))
        previous = step.tokens

    [solution] = solver.solve_tokens(question[None], effort_used, on_step=show if steps else None)
    if not steps:
        console.print(render(solver.spec, solution.tokens, givens=question))
    if picture is not None:
        picture.write_text(svg(solver.spec, solution.tokens, givens=question))
    console.print(_summary(solution))
    if solution.verified is False:
        raise typer.Exit(2)


def _read(puzzle: str) -> str:
    """The cells as they were written: the argument itself, or the text of the file or of stdin that it names."""
    if puzzle == "-":
        with open_text(sys.stdin.buffer) as text:
            return text.read(LONGEST)
    path = Path(puzzle)
    if len(puzzle) < LONGEST_NAME and path.is_file():
        with open_text(path) as text:
            return text.read(LONGEST)
    if puzzle.endswith(SUFFIXES):
        raise ConfigError(f"There is no file {puzzle}. Give the puzzle's cells, or a file that holds them.")
    return puzzle


def _summary(solution: "Solution") -> str:
    verdict = {
        True: "[green]verified by the rules[/]",
        False: "[red]breaks the rules[/]",
        None: "no rules to verify it by",
    }[solution.verified]
    summary = (
        f"{verdict}; halt probability {solution.halt_probability:.3f} after {solution.steps} steps ({solution.reason})"
    )
    if solution.chosen_by == "only":
        return summary
    return (
        f"{summary}; chain {solution.chain} chosen by {solution.chosen_by}, {solution.votes} of {solution.chains} chains agree, "
        f"{solution.total_steps} steps in all"
    )
