"""`trm generate`: a data set of new Sudokus, each with one answer."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from trm.puzzles.datasets import PuzzleSet, holdout, save_dataset
from trm.puzzles.generate import generate as generated
from trm.puzzles.sudoku import spec_for


def generate(
    out: Annotated[Path, typer.Argument(help="Folder to create.")],
    size: Annotated[int, typer.Option(help="4, 6, 9, 12 or 16.")] = 6,
    count: Annotated[int, typer.Option(min=2, help="Puzzles in all.")] = 1000,
    givens: Annotated[
        int | None, typer.Option(min=0, help="Stop removing clues here; as few as possible unless given.")
    ] = None,
    test_share: Annotated[float, typer.Option(min=0, max=1, help="Share held out for testing.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same puzzles.")] = 0,
) -> None:
    """Generate Sudokus with unique answers and split them; up to 6x6 the splits are disjoint up to symmetry."""
    console = Console(stderr=True)
    pairs = list(track(generated(size, count, seed, givens), "generating", total=count, console=console))
    questions, answers = (np.stack(part) for part in zip(*pairs, strict=True))
    _, first = np.unique(questions, axis=0, return_index=True)
    source = (f"trm generate --size {size} --count {count} --givens {givens} --seed {seed}",) * count
    puzzles = PuzzleSet(spec_for(size), questions, answers, source).select(np.sort(first))
    train, test = holdout(puzzles, test_share, seed, most=count)
    save_dataset(out, out.name, {"train": train, "test": test})
    console.print(f"{len(train):,} training and {len(test):,} test puzzles in {out}")
