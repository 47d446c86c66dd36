"""`python -m tests.bench.growth`: how cost grows with length, batch, slots, queue and metric rows; figures and a plot."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from tests.bench import service_growth
from tests.bench.machine import fastest
from tests.bench.models import CPU, WITHOUT_PREFIX, configuration, sudokus, trainer, untrained
from tests.bench.plots import growth_plot
from tests.bench.solving import drawn_steps, solve_drawn
from trm.config.model import ModelConfig
from trm.network.host import keep_big_buffers
from trm.network.model import TinyRecursiveModel
from trm.puzzles.spec import PuzzleSpec
from trm.solving.solver import Solver

SIDES = (9, 16, 30)  # of a grid: 81, 256, 900 cells
BATCHES = (4, 8, 16, 32, 64)
SLOTS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Point:
    """One measured cost."""

    what: str
    against: str
    x: int
    seconds: float


def main(
    most_metric_rows: Annotated[int, typer.Option(help="Up to so many rows in the metrics table.")] = 1_000_000,
    out: Annotated[Path, typer.Option(help="Where the figures go, as JSON.")] = Path("growth.json"),
    plot: Annotated[Path, typer.Option(help="Where the plot goes, as SVG.")] = Path("growth.svg"),
) -> None:
    """Measure, write, draw."""
    keep_big_buffers()
    points = [*lengths(), *batches(), *slots(), *_of_service(most_metric_rows)]
    out.write_text(json.dumps([asdict(point) for point in points], indent=1) + "\n")
    growth_plot(plot, points)
    for point in points:
        print(f"{point.what:60} {point.against:>12} {point.x:>10,} {1000 * point.seconds:>12.3f} ms")


def lengths() -> Iterator[Point]:
    """A supervision step of one puzzle, width 512, n 6, T 3, bfloat16, eager."""
    for mixer in ("mlp", "attention"):
        for side in SIDES:
            puzzle = PuzzleSpec(kind="grid", rows=side, cols=side, symbols=tuple("abcdefghij"))
            config = ModelConfig.model_validate({"mixer": mixer, "prefix_tokens": 0})
            model = TinyRecursiveModel(config, puzzle)
            model.initialise(torch.Generator().manual_seed(0))
            model.requires_grad_(False).bfloat16()
            inputs, state = torch.ones(1, puzzle.cells, dtype=torch.int32), model.initial_state(1, torch.bfloat16)
            rows = model.puzzle_rows(torch.zeros(1, dtype=torch.int64))
            seconds = fastest(lambda m=model, i=inputs, r=rows, s=state: m(i, r, *s), CPU, 5)  # type: ignore[misc]
            yield Point(f"supervision step of one puzzle, {mixer}", "cells", puzzle.cells, seconds)


def batches() -> Iterator[Point]:
    """A training update of the Sudoku model without prefix, for each puzzle in it."""
    for batch in BATCHES:
        update = trainer(WITHOUT_PREFIX, batch, CPU, compiled=False).update
        yield Point("training update, per puzzle", "batch", batch, fastest(update, CPU, 3) / batch)


def slots() -> Iterator[Point]:
    """The engine with drawn halting steps, for each puzzle answered."""
    questions = sudokus(64).questions
    halting = np.minimum(drawn_steps(len(questions)), 8)
    for count in SLOTS:
        solver = Solver(untrained(WITHOUT_PREFIX), configuration(WITHOUT_PREFIX, 1), CPU, slots=count)
        solver.engine.warm_up()
        seconds = fastest(lambda s=solver: solve_drawn(s, questions, halting), CPU, 1)  # type: ignore[misc]
        yield Point("a Sudoku through the engine, halting by itself", "slots", count, seconds / len(questions))


def _of_service(most_metric_rows: int) -> Iterator[Point]:
    for found in service_growth.growth(most_metric_rows):
        against = "jobs queued" if "queue" in found["what"] else "metric rows"
        yield Point(found["what"], against, found["x"], found["seconds"])


if __name__ == "__main__":
    typer.run(main)
