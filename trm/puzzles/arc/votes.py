"""Votes on ARC answers: what a task's variants predict, turned back and counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from trm.errors import ConfigError, DatasetError, PuzzleError
from trm.puzzles.arc.rows import EvaluationRows, RowKey
from trm.puzzles.arc_grids import Grid, Pair, Task, crop

PASS_AT = (1, 2, 5, 10, 100, 1000)  # 2 is the competition's


class Attempts(TypedDict):
    """What Kaggle's submission holds for one test pair."""

    attempt_1: list[list[int]]
    attempt_2: list[list[int]]


@dataclass(eq=False)
class Candidate:
    """A predicted answer, with its votes and their mean halt probability."""

    grid: Grid  # (0, 0) when nothing was drawn
    votes: int = 0
    halt_sum: float = 0.0

    @property
    def halt_probability(self) -> float:
        """The mean of its votes."""
        return self.halt_sum / self.votes


class Ballot:
    """Counts the predictions for the test pairs of some tasks.

    One checkpoint may vote, unless `ensemble` is set. The official evaluator adds up the votes of all checkpoints of a training by
    default, so that its published scores are those of an ensemble.
    """

    def __init__(self, tasks: Sequence[Task], *, ensemble: bool = False) -> None:
        self.tasks = {task.name: task for task in tasks}
        self.ensemble = ensemble
        self.sources: set[str] = set()
        self._tallies: dict[tuple[str, int], dict[tuple[tuple[int, ...], bytes], Candidate]] = {}

    def cast(self, source: str, key: RowKey, tokens: NDArray[np.integer], halt_probability: float) -> None:
        """Count the prediction `(900,)` that `source`, a checkpoint, made for a test pair's variant.

        Raises ConfigError for a second source, PuzzleError for an unknown pair or an impossible probability.
        """
        if not 0 <= halt_probability <= 1:
            raise PuzzleError(f"{halt_probability} is not a probability. Give the sigmoid of the halt logit.")
        self._pair(key.task, key.pair)
        self._admit(source)
        grid = np.ascontiguousarray(key.variant.undo(crop(tokens)))
        tallies = self._tallies.setdefault((key.task, key.pair), {})
        tally = tallies.setdefault((grid.shape, grid.tobytes()), Candidate(grid))
        tally.votes += 1
        tally.halt_sum += float(halt_probability)

    def cast_rows(
        self,
        source: str,
        rows: EvaluationRows,
        tokens: NDArray[np.integer],
        halt_probability: NDArray[np.floating],
        start: int = 0,
    ) -> None:
        """Count predictions `(n, 900)` and halt probabilities `(n,)` for `rows`, from row `start` on."""
        for at, (prediction, halt) in enumerate(zip(tokens, halt_probability, strict=True), start=start):
            self.cast(source, rows.key(at), prediction, float(halt))

    def rank(self, task: str, pair: int) -> list[Candidate]:
        """Different answers to a test pair, most votes first; equal votes by mean halt probability, then by first appearance."""
        self._pair(task, pair)
        candidates = self._tallies.get((task, pair), {}).values()
        return sorted(candidates, key=lambda c: (-c.votes, -c.halt_probability))

    @property
    def is_scored(self) -> bool:
        """Whether any test pair has a known answer."""
        return any(pair.answer is not None for task in self.tasks.values() for pair in task.test)

    def pass_at(self, k: int) -> float:
        """Mean over tasks of the share of test pairs whose answer is among the best `k`; a pair without votes is not solved.

        Pairs without a known answer are left out. Raises DatasetError when none has one, ConfigError for k < 1.
        """
        if k < 1:
            raise ConfigError(f"pass@{k} means nothing. Ask for k of 1 or more.")
        shares = [share for task in self.tasks.values() if (share := self._score_task(task, k)) is not None]
        if not shares:
            raise DatasetError("No test pair has a known answer to compare with. Give tasks with answers.")
        return sum(shares) / len(shares)

    def scores(self) -> dict[int, float]:
        """`pass_at` for every k that is reported."""
        return {k: self.pass_at(k) for k in PASS_AT}

    def submission(self) -> dict[str, list[Attempts]]:
        """Kaggle's JSON: two attempts for every test pair, the only one twice, `[[0]]` where there is none."""
        return {name: [self._attempts(name, i) for i in range(len(task.test))] for name, task in self.tasks.items()}

    def _attempts(self, task: str, pair: int) -> Attempts:
        # Kaggle wants a grid for every attempt, also where there is none to give
        best = [c.grid.tolist() for c in self.rank(task, pair)[:2] if c.grid.size] or [[[0]]]
        return {"attempt_1": best[0], "attempt_2": best[-1]}

    def _admit(self, source: str) -> None:
        if source not in self.sources and self.sources and not self.ensemble:
            raise ConfigError(
                f"Votes of {source!r} would be added to those of {next(iter(self.sources))!r}: that scores an ensemble of "
                "checkpoints, not a model. Count them in a ballot of their own, or set ensemble and report the score as one."
            )
        self.sources.add(source)

    def _pair(self, task: str, pair: int) -> Pair:
        if task not in self.tasks or not 0 <= pair < len(self.tasks[task].test):
            raise PuzzleError(f"There is no test pair {pair} of task {task!r} in this ballot.")
        return self.tasks[task].test[pair]

    def _score_task(self, task: Task, k: int) -> float | None:
        asked = [(pair, answer) for pair, answer in enumerate(p.answer for p in task.test) if answer is not None]
        solved = [any(np.array_equal(c.grid, a) for c in self.rank(task.name, p)[:k]) for p, a in asked]
        return sum(solved) / len(solved) if solved else None
