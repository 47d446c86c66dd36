"""Solutions: what a model answered to one puzzle."""

from typing import Self

from pydantic import ConfigDict, Field

from services.gateway.schemas.base import Response
from services.registry import tables


class TraceStep(Response):
    """The answer after one supervision step."""

    step: int
    answer: str
    halt_probability: float
    changed_cells: list[int] = Field(description="Cells that differ from the step before, counted from 0, row by row.")
    verified: bool | None


class Solution(Response):
    """The answer to one puzzle, and how far to trust it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "index": 0,
                    "question": "1.3.3.1.2.4...2.",
                    "answer": "1243341221344321",
                    "verified": True,
                    "halt_probability": 0.998,
                    "supervision_steps": 16,
                    "halted": False,
                }
            ]
        }
    )

    index: int = Field(description="Place of the puzzle in the request, from 0.")
    question: str
    answer: str
    verified: bool | None = Field(description="Whether the rules accept the answer; null for puzzles without rules.")
    halt_probability: float = Field(description="The model's own belief that the answer is right.")
    supervision_steps: int = Field(description="Supervision steps spent on it.")
    halted: bool = Field(description="Whether it stopped because halt_threshold was reached.")
    trace: list[TraceStep] | None = Field(default=None, description="The answer after each step, when asked for.")

    @classmethod
    def of(cls, row: tables.Solution) -> Self:
        """The solution of this row."""
        trace = None if row.trace is None else [TraceStep.model_validate(step) for step in row.trace]
        return cls(
            index=row.index,
            question=row.question,
            answer=row.answer,
            verified=row.verified,
            halt_probability=row.halt_probability,
            supervision_steps=row.steps,
            halted=row.halted,
            trace=trace,
        )
