"""How good a solver is on puzzles with known answers, as it would be used: with any effort."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trm.errors import ConfigError
from trm.interface.effort import Effort
from trm.interface.interval import wilson
from trm.interface.solution import Solution
from trm.puzzles.arc_files import holds_tasks
from trm.puzzles.datasets import datasets
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.scoring import PADDING, find_answered, mean, right_cells
from trm.puzzles.tables import read_table
from trm.solving.loading import load
from trm.solving.solver import Solver


@dataclass(frozen=True)
class Evaluation:
    """Accuracy on n puzzles with known answers, and what solving all of them took."""

    n: int
    exact_accuracy: float | None  # share of puzzles with every cell right; None where no answer is known
    interval: tuple[float, float] | None  # of it, 95 %
    cell_accuracy: float | None
    verified: float | None  # share that the rules accept; None for kinds without rules
    mean_supervision_steps: float
    mean_total_steps: float  # of all chains
    stopped: dict[str, int]  # why chains stopped, puzzle by puzzle
    effort: dict[str, Any]  # what differs from the defaults
    seconds: float

    def __str__(self) -> str:
        score = "no answers to compare with"
        if self.interval is not None:
            low, high = self.interval
            score = f"{self.exact_accuracy:.2%} of {self.n:,} puzzles exactly right (95 %: {low:.2%} to {high:.2%}), "
            score += f"{self.cell_accuracy:.1%} of cells"
        verified = "" if self.verified is None else f", {self.verified:.1%} verified by the rules"
        return f"{score}{verified}; {self.mean_total_steps:.2f} supervision steps a puzzle, {self.seconds:.1f} s"


def evaluate(
    model: Solver | str | Path,
    data: PuzzleSet | str | Path | None = None,
    *,
    split: str = "test",
    limit: int | None = None,
    effort: Effort = Effort(),  # noqa: B008  immutable
    device: str = "auto",
    on_solution: Callable[[int, Solution], None] | None = None,
) -> Evaluation:
    """Solve every puzzle of a set, a table or a data set, the model's own unless given, and compare with its answer.

    Every puzzle takes all steps, as in the paper, unless an effort is given. Raises DatasetError, ConfigError for data of a shape
    that the model does not answer, WrongGridSize for such a set.
    """
    solver = model if isinstance(model, Solver) else load(model, device)
    puzzles = data if isinstance(data, PuzzleSet) else puzzles_for(solver, data or solver.config.dataset, split)
    puzzles, solver = puzzles.take(limit), solver.resize(puzzles.spec)
    begun = time.monotonic()
    solutions = solver.solve_tokens(puzzles.questions, effort, puzzle_ids=puzzles.puzzle_ids, on_solution=on_solution)
    return _compare(puzzles, solutions, effort, round(time.monotonic() - begun, 3))


def puzzles_for(solver: Solver, data: str | Path, split: str) -> PuzzleSet:
    """The puzzles of a CSV or JSONL file, or of a split of a data set.

    Raises DatasetError, and ConfigError for a shape that the model does not answer.
    """
    if Path(data).is_file() and not holds_tasks(Path(data)):
        return read_table(Path(data), kind=solver.spec.kind, spec=None if solver.config.model.any_size else solver.spec)
    puzzles = datasets.load(data, split)
    if not solver.config.answers(puzzles.spec):
        raise ConfigError(
            f"The model solves {solver.spec.rows}x{solver.spec.cols} {solver.spec.kind}; {data} is something else."
        )
    return puzzles


def _compare(puzzles: PuzzleSet, solutions: list[Solution], effort: Effort, seconds: float) -> Evaluation:
    right = right_cells(np.stack([s.tokens for s in solutions]), puzzles.answers)
    asked, count = puzzles.answers != PADDING, len(puzzles)
    exact = np.asarray(right.all(1))[find_answered(puzzles.answers)]
    verdicts = [s.verified for s in solutions if s.verified is not None]
    return Evaluation(
        n=len(exact),
        exact_accuracy=mean(exact),
        interval=wilson(int(exact.sum()), len(exact)) if len(exact) else None,
        cell_accuracy=mean(right[asked]),
        verified=sum(verdicts) / count if verdicts else None,
        mean_supervision_steps=sum(s.steps for s in solutions) / count,
        mean_total_steps=sum(s.total_steps for s in solutions) / count,
        stopped=dict(Counter(s.reason for s in solutions)),
        effort=effort.model_dump(exclude_defaults=True),
        seconds=seconds,
    )
