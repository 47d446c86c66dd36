"""`trm generate`: a data set of new Sudokus, each with one answer, or of new mazes."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from trm.cli.options import AsJson
from trm.cli.place import require_place
from trm.json_text import to_json
from trm.puzzles import generate as sudokus
from trm.puzzles import maze
from trm.puzzles.datasets.datasets import save_dataset
from trm.puzzles.puzzle_set import PuzzleSet, holdout
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import jigsaw_spec, spec_for


def generate(
    out: Annotated[Path, typer.Argument(help="Folder to create.")],
    kind: Annotated[Literal["sudoku", "maze"], typer.Option(help="What to generate.")] = "sudoku",
    size: Annotated[
        int | None, typer.Option(help="Side of the square: 6 for Sudoku, 30 for mazes unless given.")
    ] = None,
    box: Annotated[
        str | None, typer.Option(help="Sudoku: rows and columns of a box, 3x2; the squarest unless given.")
    ] = None,
    regions: Annotated[
        str | None, typer.Option(help="Sudoku: a letter for every cell's region instead of boxes: a jigsaw.")
    ] = None,
    count: Annotated[int, typer.Option(min=2, help="Puzzles in all.")] = 1000,
    givens: Annotated[
        int | None, typer.Option(min=0, help="Sudoku: stop removing clues here; as few as possible unless given.")
    ] = None,
    shortest: Annotated[int, typer.Option(min=2, help="Maze: fewest cells on the path, both ends counted.")] = 110,
    test_share: Annotated[float, typer.Option(min=0, max=1, help="Share held out for testing.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same puzzles.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Generate Sudokus with unique answers or mazes, and split them disjoint up to symmetry (12x12 Sudoku and up: no two equal)."""
    console = Console(stderr=True)
    size = size or (30 if kind == "maze" else 6)
    spec, pairs = (
        _mazes(size, count, seed, shortest) if kind == "maze" else _sudokus(size, count, seed, givens, box, regions)
    )
    require_place(out)
    made = list(track(pairs, "generating", total=count, console=console))
    questions, answers = (np.stack(part) for part in zip(*made, strict=True))
    _, first = np.unique(questions, axis=0, return_index=True)
    limits = {"shortest": shortest} if kind == "maze" else {"givens": givens, "box": box, "regions": regions}
    options: dict[str, object] = {"kind": kind, "size": size, "count": count, **limits, "seed": seed}
    given = (f"--{name} {shlex.quote(str(value))}" for name, value in options.items() if value is not None)
    command = " ".join(["trm generate", *given])  # makes the same puzzles again
    puzzles = PuzzleSet(spec, questions, answers, (command,) * count).select(np.sort(first))
    train, test = holdout(puzzles, test_share, seed, most=count)
    save_dataset(out, out.name, {"train": train, "test": test})
    if as_json:
        print(to_json({"path": str(out), "splits": {"train": len(train), "test": len(test)}}))
    else:
        console.print(f"{len(train):,} training and {len(test):,} test puzzles in {out}")


def _sudokus(
    size: int, count: int, seed: int, givens: int | None, box: str | None, regions: str | None
) -> tuple[PuzzleSpec, Iterator[sudokus.Pair]]:
    match = re.fullmatch(r"(\d+)x(\d+)", box or "")
    if box and not match:
        raise typer.BadParameter("write rows and columns as 3x2", param_hint="--box")
    if box and regions:
        raise typer.BadParameter("a jigsaw has regions in place of boxes: leave --box out", param_hint="--regions")
    shape = (int(match[1]), int(match[2])) if match else None
    spec = spec_for(size, shape) if regions is None else jigsaw_spec(size, regions)
    return spec, sudokus.generate(size, count, seed, givens, shape, regions)


def _mazes(size: int, count: int, seed: int, shortest: int) -> tuple[PuzzleSpec, Iterator[maze.Pair]]:
    if not 2 <= size <= 64:
        raise typer.BadParameter("a maze has 2 to 64 rows and columns", param_hint="--size")
    return maze.spec_for(size, size), maze.generate(size, size, count, seed, shortest)
