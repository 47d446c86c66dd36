"""Counts what supervision steps bring to puzzles with known answers, in an engine or in a training."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trm.evaluation.calibration import Reliability
from trm.interface.report import GroupReport, Measure, Report, StepReport
from trm.interface.solution import Solution, Tokens
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.rules import check_many
from trm.puzzles.scoring import PADDING, right_cells
from trm.puzzles.sudoku import BLANK

MOST_VALUES = 10  # that are groups of their own; more are put together
GROUPS = 5  # of about as many puzzles each
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Given:
    """The answers that n puzzles were given in the end, and what they took."""

    answers: Tokens  # (n, L)
    steps: Ints  # (n,) of the chain whose answer it is
    total_steps: Ints  # (n,) of all chains
    reasons: Sequence[str]  # why that chain stopped

    @classmethod
    def of(cls, solutions: Sequence[Solution]) -> Self:
        """Those of a solve request, in the order of its puzzles."""
        steps, total = (np.array([getattr(s, name) for s in solutions]) for name in ("steps", "total_steps"))
        return cls(np.stack([s.tokens for s in solutions]), steps, total, [s.reason for s in solutions])


class Tally:
    """The state of n puzzles, all with a known answer, of so many chains each, for at most so many steps."""

    def __init__(self, puzzles: PuzzleSet, chains: int, steps: int) -> None:
        count = len(puzzles)
        self.puzzles, self.most = puzzles, steps
        self.reliability = Reliability(count)
        shape = (count, chains)
        self.right, self.verified = np.zeros(shape, bool), np.zeros(shape, bool)  # of each chain's latest answer
        self.cells, self.sure = np.zeros(shape), np.full(shape, -1.0)
        self.at = np.zeros(count, dtype=np.int64)  # the step that each puzzle has reached
        # puzzles right, share of cells right and verified, of those that made the step
        self.by_step = np.zeros((3, steps))
        self.work = np.zeros(steps)  # chains that made it
        self.asked = (puzzles.answers != PADDING).sum(1)

    def note(self, puzzles: Ints, chains: Ints, steps: Ints, answers: Tokens, probability: NDArray[np.float32]) -> None:
        """What a step brought to these chains (K,) of these puzzles: their `steps`-th, answers `(K, L)`.

        All chains of a puzzle that still think make a step together.
        """
        wanted = self.puzzles.answers[puzzles]
        correct = right_cells(answers, wanted)
        right: Flags = np.asarray(correct.all(1))
        verdicts = check_many(self.puzzles.spec, self.puzzles.questions[puzzles], answers)
        self.right[puzzles, chains] = right
        self.verified[puzzles, chains] = False if verdicts is None else verdicts
        self.cells[puzzles, chains] = (correct & (wanted != PADDING)).sum(1)
        self.sure[puzzles, chains] = probability
        self.reliability.note(puzzles, probability, right)
        np.add.at(self.work, steps - 1, 1)
        moved, first = np.unique(puzzles, return_index=True)
        self.at[moved] = steps[first]
        np.add.at(self.by_step.T, steps[first] - 1, self._choose_best(moved))

    def report(self, given: Given) -> Report:
        """What was found."""
        puzzles, count = self.puzzles, len(self.puzzles)
        correct = right_cells(given.answers, puzzles.answers)
        right: Flags = np.asarray(correct.all(1))
        verdicts = check_many(puzzles.spec, puzzles.questions, given.answers)
        clues = (puzzles.questions != BLANK).sum(1) if puzzles.spec.kind == "sudoku" else None
        return Report(
            n=count,
            exact=Measure.share(int(right.sum()), count),
            cell_accuracy=float(correct[puzzles.answers != PADDING].mean()),
            verified=None if verdicts is None else Measure.share(int(verdicts.sum()), count),
            mean_supervision_steps=float(given.steps.mean()),
            mean_total_steps=float(given.total_steps.mean()),
            stopped=dict(Counter(given.reasons)),
            steps=self.steps(has_rules=verdicts is not None),
            calibration=self.reliability.calibration(),
            by_rating=group_by_value(puzzles.ratings, right, given.total_steps),
            by_clues=group_by_value(clues, right, given.total_steps),
        )

    def steps(self, *, has_rules: bool) -> tuple[StepReport, ...]:
        """Accuracy after each step that was made, against the steps that it took."""
        count, last = len(self.puzzles), int(self.at.max())
        ended = np.zeros((3, self.most + 1))  # what puzzles stopped with, at the step after their last
        np.add.at(ended.T, self.at, self._choose_best(np.arange(count)))
        right, cells, verified = self.by_step + ended.cumsum(1)[:, :-1]
        work = self.work.cumsum() / count
        return tuple(
            StepReport(
                step=step + 1,
                exact=Measure.share(round(right[step]), count),
                cell_accuracy=float(cells[step] / self.asked.sum()),
                verified=Measure.share(round(verified[step]), count) if has_rules else None,
                mean_total_steps=float(work[step]),
            )
            for step in range(last)
        )

    def _choose_best(self, puzzles: Ints) -> Floats:
        """Right, cells right and verified `(K, 3)` of the chain of each that the rules accept, or that is surest."""
        chain = (2 * self.verified[puzzles] + self.sure[puzzles]).argmax(1)
        return np.stack([state[puzzles, chain] for state in (self.right, self.cells, self.verified)], axis=1)


def group_by_value(values: NDArray[np.generic] | None, right: Flags, total: Ints) -> tuple[GroupReport, ...] | None:
    """Accuracy by some number (n,) that puzzles have; those without one (NaN) are left out, None where none has one."""
    if values is None or not len(known := np.flatnonzero(~np.isnan(numbers := values.astype(np.float64)))):
        return None
    distinct = np.unique(numbers[known])
    if len(distinct) > MOST_VALUES:
        distinct = np.unique(np.quantile(numbers[known], np.arange(GROUPS) / GROUPS, method="higher"))
    place = np.searchsorted(distinct, numbers[known], side="right") - 1
    members = [known[place == group] for group in range(len(distinct))]
    return tuple(_group(numbers[rows], right[rows], total[rows]) for rows in members if len(rows))


def _group(values: Floats, right: Flags, total: Ints) -> GroupReport:
    return GroupReport(
        low=float(values.min()),
        high=float(values.max()),
        n=len(values),
        exact=Measure.share(int(right.sum()), len(values)),
        mean_total_steps=float(total.mean()),
    )
