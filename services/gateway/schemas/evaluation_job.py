"""What an evaluation job is asked with."""

from typing import Literal, Self

from pydantic import Field, model_validator

from services.gateway.schemas.base import examples
from services.gateway.schemas.job_request import JobRequest
from services.gateway.schemas.solve_job import MOST_CHAINS
from trm.errors import RuleError
from trm.interface.effort import Effort

SplitName = Literal["train", "validation", "test"]


class EvaluationJobRequest(Effort, JobRequest):
    """A model, the puzzles to examine it on, and how hard to think about each."""

    model_config = examples(
        {"model": "sudoku-6x6", "limit": 100},
        {
            "model": "ckpt_01934e0c5f3b7c2aa1b2c3d4e5f60718",
            "dataset": "my-sudokus",
            "split": "test",
            "max_steps": 32,
            "views": 4,
            "until_verified": True,
        },
    )

    model: str = Field(
        max_length=100,
        description="Name of a model (GET /v1/models), id of a checkpoint, or of a run: then its newest checkpoint is examined.",
    )
    dataset: str | None = Field(
        default=None, max_length=100, description="Id or name of a data set; the model's own if left out."
    )
    split: SplitName = Field(default="test", description="One that the data set has; `test` is for the end.")
    limit: int = Field(
        default=1_000,
        ge=1,
        le=MOST_CHAINS,
        description=f"The first so many puzzles. Puzzles times rollouts times views may be at most {MOST_CHAINS:,} chains.",
    )

    @property
    def effort(self) -> Effort:
        """How hard to think, alone."""
        return Effort(**{name: getattr(self, name) for name in Effort.model_fields})

    @model_validator(mode="after")
    def _few_chains(self) -> Self:
        if (chains := self.limit * self.chains) > MOST_CHAINS:
            raise RuleError(
                f"limit times rollouts times views may be at most {MOST_CHAINS} chains a job, not {chains}", "limit"
            )
        return self
