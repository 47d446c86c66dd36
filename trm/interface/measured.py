"""What was measured of a model on a test split, as `measured.json` beside an exported model says; loads no torch."""

from typing import Any

from trm.interface.interval import wilson
from trm.puzzles.spec import Frozen

MEASURED = "measured.json"


class Count(Frozen):
    """How many of n puzzles were exactly right."""

    right: int
    n: int

    @property
    def share(self) -> float:
        """Exact accuracy."""
        return self.right / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true accuracy is, with 95 % confidence (Wilson)."""
        return wilson(self.right, self.n)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.share:.2%} ({self.right:,} of {self.n:,}; 95 %: {low:.2%} to {high:.2%})"


class Bin(Frozen):
    """Answers whose halt probability lay in [low, high): how sure the model was, and how right."""

    low: float
    high: float
    answers: int
    halt_probability: float  # mean
    right: float  # share


class EffortResult(Frozen):
    """A way to think about every puzzle, what it achieved, and what it cost."""

    effort: dict[str, Any]
    exact: Count
    verified: int | None  # answers that obey the rules; None for puzzles without rules
    mean_supervision_steps: float  # of the chain whose answer was given
    mean_total_steps: float  # of all chains of a puzzle
    seconds: float


class Measured(Frozen):
    """One pass of the full number of supervision steps, as in the paper, and other ways to think."""

    dataset: str
    split: str
    device: str
    precision: str
    exact: Count
    cell_accuracy: float
    verified: int | None
    step_exact: tuple[int, ...]  # exactly right after supervision step 1..N
    calibration: tuple[Bin, ...]  # of the answers of all supervision steps; empty bins left out
    calibration_error: float  # expected: mean distance of halt probability and share right, weighted by answers
    halting: EffortResult
    harder: EffortResult | None  # until the rules agree; None for puzzles without rules
    seconds: float  # of the one pass
