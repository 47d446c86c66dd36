"""What a solve job is asked with."""

from typing import Self

from pydantic import Field, JsonValue, model_validator

from services.gateway.schemas.base import Request, examples
from services.gateway.schemas.job_request import JobRequest
from services.gateway.schemas.puzzle import Puzzle
from trm.errors import RuleError
from trm.interface.effort import MOST_STEPS, Effort, StoppingRules

TRACED_CHAINS = 100  # a trace stores every step of every chain
MOST_CHAINS = 100_000  # of all puzzles of a job: hours of work on a CPU
VERIFIED_PUZZLES = 100  # the exact solver runs while the request waits

_EXAMPLES: list[JsonValue] = [
    {"model": "sudoku-6x6", "puzzle": ".1254..3..6.12....35.1245.3.1.2..3..", "halt_threshold": 0.5},
    {"model": "run_01934e0c5f3b7c2aa1b2c3d4e5f60718", "puzzle": ".1254..3..6.12....35.1245.3.1.2..3..", "trace": True},
    {
        "model": "ckpt_01934e0c5f3b7c2aa1b2c3d4e5f60718",
        "puzzles": [".1254..3..6.12....35.1245.3.1.2..3..", "1.6543.4...1..4.5.2.....46.315.5..24"],
        "halt_threshold": 0.9,
    },
    {
        "model": "ckpt_01934e0c5f3b7c2aa1b2c3d4e5f60718",
        "puzzle": ".1254..3..6.12....35.1245.3.1.2..3..",
        "views": 4,
        "rollouts": 2,
        "noise": 0.3,
        "until_verified": True,
    },
]


class Kept(Request):
    """What a solve job is to keep beside its answers."""

    trace: bool = Field(
        default=False,
        description="Keep the answer after each step, and send it as an event; for at most "
        f"{TRACED_CHAINS} chains: puzzles times rollouts times views.",
    )
    keep_carry: bool = Field(
        default=False,
        description="Keep the state of all chains for a while, so that `POST /v1/solve-jobs/{id}/continue` can continue from it.",
    )


class ContinueRequest(StoppingRules, Kept, JobRequest):
    """How much further a finished solve job is to think."""

    model_config = examples(
        {"max_steps": 32}, {"max_steps": 64, "halt_threshold": 0.9, "trace": True, "keep_carry": True}
    )

    max_steps: int | None = Field(
        default=None,
        ge=1,
        le=MOST_STEPS,
        description="Most supervision steps of a chain, counted from its beginning and not from here; as many more as the model was "
        "trained with, if left out.",
    )


class SolveJobRequest(Effort, Kept, JobRequest):
    """Puzzles, the model to solve them with, and how hard to think about each."""

    model_config = examples(*_EXAMPLES)

    model: str = Field(
        max_length=100,
        description="Name of a model (GET /v1/models), id of a checkpoint, or of a run: then its newest checkpoint is used.",
    )
    puzzle: Puzzle | None = Field(
        default=None, description="One puzzle: a string of all cells, or nested lists of rows."
    )
    puzzles: list[Puzzle] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_CHAINS,
        description="Several puzzles, instead of `puzzle`. Puzzles times rollouts times views may be "
        f"at most {MOST_CHAINS:,} chains.",
    )
    require_unique_solution: bool = Field(
        default=False,
        description=f"Refuse Sudokus, and grids with declared rules, that have not exactly one solution; "
        f"for at most {VERIFIED_PUZZLES} puzzles.",
    )

    @property
    def effort(self) -> Effort:
        """The effort fields of this request."""
        return Effort(**{name: getattr(self, name) for name in Effort.model_fields})

    @property
    def grids(self) -> list[Puzzle]:
        """The puzzles, however they were given."""
        return [self.puzzle] if self.puzzle is not None else self.puzzles or []

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.puzzle is None) == (self.puzzles is None):
            raise RuleError("give either `puzzle` or `puzzles`", "puzzle")
        chains = len(self.grids) * self.chains
        if self.trace and chains > TRACED_CHAINS:
            raise RuleError(
                f"a trace is kept of at most {TRACED_CHAINS} chains, puzzles times rollouts times views, not {chains}",
                "trace",
            )
        if chains > MOST_CHAINS:
            raise RuleError(
                f"puzzles times rollouts times views may be at most {MOST_CHAINS} chains a job, not {chains}", "puzzles"
            )
        if self.require_unique_solution and len(self.grids) > VERIFIED_PUZZLES:
            raise RuleError(f"uniqueness is checked for at most {VERIFIED_PUZZLES} puzzles a job", "puzzles")
        return self

    def pointer_path(self, index: int) -> tuple[str | int, ...]:
        """Path in the body of the puzzle with this index."""
        return ("puzzle",) if self.puzzle is not None else ("puzzles", index)
