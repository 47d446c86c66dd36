"""Solutions: what a model answered to one puzzle."""

from typing import Self

from pydantic import Field

from services.gateway.schemas.base import Response, examples
from services.gateway.schemas.violation import Violation, violations_of
from services.registry.db import tables
from trm.interface.solution import Choice, Reason
from trm.puzzles.spec import PuzzleSpec


class TraceStep(Response):
    """The answer after one supervision step."""

    step: int
    chain: int = Field(default=0, description="Which of the puzzle's chains.")
    answer: str
    halt_probability: float
    changed_cells: list[int] = Field(description="Cells that differ from the step before, counted from 0, row by row.")
    verified: bool | None


class Solution(Response):
    """The answer to one puzzle, and how far to trust it."""

    model_config = examples(
        {
            "index": 0,
            "question": "...4....2....4.3",
            "answer": "3214413223411423",
            "verified": True,
            "halt_probability": 0.998,
            "supervision_steps": 3,
            "total_supervision_steps": 12,
            "reason": "verified",
            "halted": True,
            "chosen_by": "verified",
            "chain": 2,
            "votes": 1,
            "chains": 1,
        }
    )

    index: int = Field(description="Place of the puzzle in the request, from 0.")
    question: str
    answer: str
    verified: bool | None = Field(description="Whether the rules accept the answer; null for puzzles without rules.")
    halt_probability: float = Field(description="The model's estimate of the probability that the answer is right.")
    supervision_steps: int = Field(description="Supervision steps of the chosen chain.")
    total_supervision_steps: int = Field(description="Supervision steps of all chains: what the answer cost.")
    reason: Reason = Field(
        description="Why the chain stopped: the rules accepted its answer, its halt probability was reached, its answer was "
        "stable, or the budget ended."
    )
    halted: bool = Field(description="Whether it stopped by itself rather than at the end of the budget.")
    chosen_by: Choice = Field(description="Rule by which this chain's answer was chosen.")
    chain: int = Field(description="Which of the puzzle's chains, from 0.")
    votes: int = Field(description="Chains that ended with this answer.")
    chains: int = Field(description="Chains that had ended when it was chosen.")
    violations: list[Violation] | None = Field(
        default=None,
        description="What is wrong with an answer that is not verified: the cells that break rules, and givens that were changed. "
        "Empty for one that is; null for puzzles without rules, and once the model has been removed.",
    )
    trace: list[TraceStep] | None = Field(default=None, description="The answer after each step, when asked for.")

    @classmethod
    def of(cls, row: tables.Solution, spec: PuzzleSpec | None = None) -> Self:
        """The solution of this row; where the shape of its puzzle is given, with what is wrong with it."""
        return cls.from_row(
            row,
            supervision_steps=row.steps,
            total_supervision_steps=row.total_steps,
            halted=row.reason != "budget",
            violations=violations_of(row, spec),
        )
