"""`trm solve`: one puzzle, readable, step by step if asked, here or on a service."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from trm.cli.board import Board, Drawing, describe, to_fields
from trm.cli.options import ApiKey, AsJson, ProfileName, Url
from trm.cli.overrides import effort_of
from trm.cli.service.address import Given
from trm.cli.source import Checkpoint, Device, EffortSettings, Model, folder_of
from trm.errors import ConfigError
from trm.interface.effort import Effort, usual_effort
from trm.interface.pretrained import suitable_for
from trm.interface.progress import waiting
from trm.json_text import to_json
from trm.puzzles.drawing.picture import svg
from trm.puzzles.drawing.render import render
from trm.puzzles.reading.text import open_text

if TYPE_CHECKING:
    from trm.interface.solution import Solution

SUFFIXES = (".txt", ".csv", ".json", ".sdk", ".sdm", ".ss")  # no puzzle ends like this
LONGEST = 1 << 20  # characters of a puzzle
UNVERIFIED = 2  # exit status


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
    watch: Annotated[bool, typer.Option("--watch", help="The same, redrawn in place.")] = False,
    device: Device = "auto",
    remote: Annotated[
        bool, typer.Option("--remote", help="Solve on a service, of which --model names checkpoints and runs too.")
    ] = False,
    url: Url = None,
    api_key: ApiKey = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Solve a puzzle, by the shipped model for its kind and size unless one is named.

    Unless an effort is given, it halts at probability 1/2, or searches until the rules agree where the model can.

    Exits 2 when the rules do not verify the answer.
    """
    asked, cells = effort_of(effort) if effort else None, _read(puzzle)
    drawing: Drawing | None = "in place" if watch else "below" if steps else None
    console = Console(highlight=False, stderr=as_json)
    if remote or url or profile:
        if checkpoint is not None:
            raise ConfigError(
                "A service knows no folder of this machine: name a model, checkpoint or run of it with --model."
            )
        if device != "auto":
            raise ConfigError("A service computes on its own workers: --device is for this machine. Leave it out.")
        from trm.cli.service.solving import solve_remotely

        solution = solve_remotely(Given(url, api_key, profile), cells, model, asked, drawing, console)
    else:
        folder = folder_of(checkpoint, model) if checkpoint or model else suitable_for(cells).folder
        solution = _solve_here(folder, device, cells, asked, drawing, console)
    if picture is not None:
        picture.write_text(svg(solution.spec, solution.tokens, givens=solution.question))
    if as_json:
        print(to_json(to_fields(solution)))
    else:
        if drawing is None:
            console.print(render(solution.spec, solution.tokens, givens=solution.question))
        console.print(describe(solution))
    if solution.verified is False:
        raise typer.Exit(UNVERIFIED)


def _solve_here(
    folder: Path, device: str, cells: str, effort: Effort | None, drawing: Drawing | None, console: Console
) -> "Solution":
    from trm.solving.solver import Solver  # takes seconds: not before the simple mistakes are found

    solver = Solver.load(folder, device)
    spec, question = solver.parse(cells)
    solver, effort = solver.resize(spec), effort or usual_effort(spec, solver.config.model)
    if drawing is None:
        with waiting("thinking"):
            [solution] = solver.solve_tokens(question[None], effort)
    else:
        with Board(spec, question, drawing, console) as board:
            [solution] = solver.solve_tokens(question[None], effort, on_step=board.show)
    return solution


def _read(puzzle: str) -> str:
    """The cells as they were written: the argument itself, or the text of the file or of stdin that it names."""
    if puzzle == "-":
        with open_text(sys.stdin.buffer) as text:
            return text.read(LONGEST)
    if os.path.isfile(puzzle):  # of Path the same fails for a text that is longer than a name can be
        with open_text(Path(puzzle)) as text:
            return text.read(LONGEST)
    if puzzle.endswith(SUFFIXES):
        raise ConfigError(f"There is no file {puzzle}. Give the puzzle's cells, or a file that holds them.")
    return puzzle
