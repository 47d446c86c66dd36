"""What a solve job is asked with."""

from typing import Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from services.gateway.schemas.base import Request
from services.gateway.schemas.puzzle import Puzzle

TRACED_PUZZLES = 100  # a trace stores every step of every puzzle
VERIFIED_PUZZLES = 100  # the exact solver runs while the request waits

_EXAMPLES: list[JsonValue] = [
    {
        "model": "run_01934e0c5f3b7c2aa1b2c3d4e5f60718",
        "puzzle": "1..4.3...6..2..5.4...6..1..3.2.....6",
        "trace": True,
    },
    {
        "model": "ckpt_01934e0c5f3b7c2aa1b2c3d4e5f60718",
        "puzzles": ["1..4.3...6..2..5.4...6..1..3.2.....6", "..3.5.6..1...5..2..4..3....6..12.5.."],
        "halt_threshold": 0.9,
    },
]


class SolveJobRequest(Request):
    """Puzzles, the model to solve them with, and how much effort to spend."""

    model_config = ConfigDict(json_schema_extra={"examples": _EXAMPLES})

    model: str = Field(
        max_length=100, description="Id of a checkpoint, or of a run: then its newest checkpoint is used."
    )
    puzzle: Puzzle | None = Field(
        default=None, description="One puzzle: a string of all cells, or nested lists of rows."
    )
    puzzles: list[Puzzle] | None = Field(
        default=None, min_length=1, description="Several puzzles, instead of `puzzle`."
    )
    max_steps: int | None = Field(
        default=None, ge=1, le=64, description="Most supervision steps; the model's own if left out."
    )
    halt_threshold: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Stop a puzzle once its halt probability reaches this; never, if left out.",
    )
    trace: bool = Field(
        default=False, description=f"Keep the answer after each step; for at most {TRACED_PUZZLES} puzzles."
    )
    require_unique_solution: bool = Field(
        default=False,
        description=f"Refuse Sudokus that have not exactly one solution; for at most {VERIFIED_PUZZLES} puzzles.",
    )

    @property
    def grids(self) -> list[Puzzle]:
        """The puzzles, however they were given."""
        return [self.puzzle] if self.puzzle is not None else self.puzzles or []

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.puzzle is None) == (self.puzzles is None):
            raise ValueError("give either `puzzle` or `puzzles`")
        if self.trace and len(self.grids) > TRACED_PUZZLES:
            raise ValueError(f"a trace is kept for at most {TRACED_PUZZLES} puzzles a job")
        if self.require_unique_solution and len(self.grids) > VERIFIED_PUZZLES:
            raise ValueError(f"uniqueness is checked for at most {VERIFIED_PUZZLES} puzzles a job")
        return self

    def pointer_path(self, index: int) -> tuple[str | int, ...]:
        """Where in the body the puzzle of this index is."""
        return ("puzzle",) if self.puzzle is not None else ("puzzles", index)
