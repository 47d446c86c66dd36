"""What an evaluation found: accuracy by supervision step and compute, and whether the halting head can be trusted; loads no torch."""

from pydantic import Field

from trm.interface.interval import wilson
from trm.puzzles.spec import Frozen


class Measure(Frozen):
    """A number, and where the true one is with 95 % confidence."""

    value: float
    low: float
    high: float

    @classmethod
    def share(cls, right: int, n: int) -> "Measure":
        """Of n puzzles, by Wilson's interval."""
        low, high = wilson(right, n)
        return cls(value=right / n, low=low, high=high)


class StepReport(Frozen):
    """The answers after a supervision step; puzzles that had stopped before count with the answer that they stopped with."""

    step: int
    exact: Measure = Field(description="Share of puzzles that are exactly right.")
    cell_accuracy: float
    verified: Measure | None = Field(description="Share whose answer the rules accept; null for puzzles without rules.")
    mean_total_steps: float = Field(description="Supervision steps of all chains a puzzle so far: the compute.")


class ReliabilityBin(Frozen):
    """Answers whose halt probability lay in [low, high): how sure the halting head was, and how right the answers were."""

    low: float
    high: float
    answers: int
    halt_probability: float = Field(description="Mean.")
    right: Measure = Field(description="Share of them that is exactly right.")


class Calibration(Frozen):
    """Halt probability against being right, over the answers of all supervision steps and chains.

    Intervals take puzzles, not answers, as independent: answers to one puzzle resemble each other.
    """

    answers: int
    bins: tuple[ReliabilityBin, ...] = Field(description="Of equal width; empty ones are left out.")
    error: Measure = Field(
        description="Expected calibration error: mean distance of halt probability and share right, weighted by answers."
    )
    brier: Measure = Field(description="Brier score: mean squared distance of halt probability and being right.")


class GroupReport(Frozen):
    """Puzzles that are alike in something."""

    low: float = Field(description="The least value of the group.")
    high: float
    n: int
    exact: Measure
    mean_total_steps: float


class Report(Frozen):
    """How good a model is on n puzzles with known answers, thinking with one effort."""

    n: int
    exact: Measure = Field(description="Share of puzzles whose given answer is exactly right.")
    cell_accuracy: float
    verified: Measure | None
    mean_supervision_steps: float = Field(description="Mean over the chosen chains.")
    mean_total_steps: float = Field(description="Of all chains of a puzzle.")
    stopped: dict[str, int] = Field(description="Puzzles by why the chain stopped whose answer is given.")
    steps: tuple[StepReport, ...] = Field(
        description="After supervision step 1, 2 ... as far as any chain went: of a puzzle with several chains the answer "
        "that the rules accept, or that of the surest chain."
    )
    calibration: Calibration
    by_rating: tuple[GroupReport, ...] | None = Field(description="Null where the data set has no ratings.")
    by_clues: tuple[GroupReport, ...] | None = Field(description="By given cells of a Sudoku; null for other puzzles.")
