"""Runs: trainings, with their curves and evaluations."""

from datetime import datetime
from typing import Self

from pydantic import Field

from services.gateway.schemas.base import Response
from services.registry.db import tables
from trm.config.run import RunConfig
from trm.interface.report import Report

_STEPS = "One entry for each supervision step; null where no puzzle was at it."


class RunSummary(Response):
    """A run in a list."""

    id: str
    name: str | None
    tags: list[str]
    metadata: dict[str, str]
    job_id: str | None
    preset: str
    dataset: str
    step: int = Field(description="Last optimizer update on record.")
    total_steps: int
    exact_accuracy: float | None = Field(description="At the last evaluation, on whichever split that was.")
    best_exact_accuracy: float | None = Field(description="The highest on the validation split so far.")
    test_exact_accuracy: float | None = Field(description="When the test split was last answered: at the end.")
    parameters: int | None = Field(description="Null until the training has begun.")
    device: str | None
    parent_checkpoint_id: str | None = Field(description="The checkpoint whose weights it began with, if any.")
    created_at: datetime
    links: dict[str, str]

    @classmethod
    def of(cls, run: tables.Run) -> Self:
        """The run of this row."""
        home = f"/v1/runs/{run.id}"
        links = {"self": home, **{part: f"{home}/{part}" for part in ("metrics", "evaluations", "checkpoints")}}
        if run.parent_checkpoint_id:
            links["parent"] = f"/v1/checkpoints/{run.parent_checkpoint_id}"
        if run.job_id:
            links["job"] = f"/v1/jobs/{run.job_id}"
        return cls.from_row(run, links=links, metadata=run.meta)


class Run(RunSummary):
    """A run with its whole configuration."""

    config: RunConfig


class RunMetric(Response):
    """One logged step of a training: means over the steps since the one before."""

    step: int = Field(description="Optimizer updates so far.")
    attempt: int
    seconds: float = Field(description="Since this attempt began to train.")
    loss: float
    lm_loss: float
    halt_loss: float
    learning_rate: float
    puzzles_finished: int
    puzzles_per_second: float
    exact_accuracy: float | None = Field(
        description="Share of training puzzles exactly right when they left their slots."
    )
    cell_accuracy: float | None
    halt_accuracy: float | None
    mean_supervision_steps: float | None
    slots: list[int] = Field(description="Puzzles seen at each supervision step.")
    halted: list[float | None] = Field(description=f"Share that halted there. {_STEPS}")
    halt_probability: list[float | None] = Field(description=f"Mean halt probability. {_STEPS}")
    step_exact_accuracy: list[float | None] = Field(description=f"Share exactly right. {_STEPS}")


class RunMetrics(Response):
    """A run's curve, or a part of it."""

    data: list[RunMetric]
    next_after_step: int | None = Field(description="Ask for the rest with after_step; null when this was all.")


class Evaluation(Response):
    """Accuracy on a whole split, measured at one step of a training."""

    step: int
    split: str = Field(description="`validation` during a training, `test` once at its end. ARC has `test` alone.")
    n: int = Field(description="Puzzles that were scored: those with a known answer.")
    seconds: float
    exact_accuracy: float | None = Field(description="Null where there are no answers to compare with.")
    cell_accuracy: float | None
    verified: float | None = Field(description="Share whose answer obeys the rules.")
    mean_supervision_steps: float
    halt_accuracy: float | None
    halted: list[float | None] = Field(description=f"Share that would have halted there. {_STEPS}")
    halt_probability: list[float | None] = Field(description=f"Mean halt probability. {_STEPS}")
    step_exact_accuracy: list[float | None] = Field(description=f"Share exactly right. {_STEPS}")


class RunEvaluation(Evaluation):
    """A run's accuracy on a whole split, measured at one step."""

    attempt: int
    report: Report | None = Field(
        default=None, description="Of the test split: what an evaluation job reports, steps, compute and calibration."
    )
    created_at: datetime
