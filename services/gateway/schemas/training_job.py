"""What a training job is asked with."""

from typing import Annotated, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from services.gateway.schemas.base import Response, examples
from services.gateway.schemas.job import Estimate
from services.gateway.schemas.job_request import JobRequest
from services.registry.db.storable import UNSTORABLE
from trm.config.run import RunConfig
from trm.errors import RuleError
from trm.json_text import to_json

Devices = Annotated[int, Field(ge=1, le=64)]


class TrainingJobRequest(JobRequest):
    """A preset or a checkpoint to begin with, and what to change in its configuration."""

    model_config = examples(
        {"preset": "sudoku-6x6"},
        {
            "preset": "sudoku-extreme",
            "name": "extreme, 200 steps on a laptop",
            "overrides": {"train.steps": 200, "train.batch_size": 32, "train.precision": "float32"},
        },
        {
            "preset": "sudoku-6x6",
            "overrides": {"train.depth_curriculum": [{"until": 0.5, "recursions": 1, "latent_steps": 1}]},
        },
        {"preset": "sudoku-6x6", "dataset": "my-sudokus"},
        {
            "preset": "sudoku-extreme",
            "devices": 8,
            "min_devices": 4,
            "requires": {"device": "cuda", "min_memory_gb": 40},
        },
        {
            "from_checkpoint": "ckpt_01934e0c5f3b7c2aa1b2c3d4e5f60718",
            "overrides": {"train.learning_rate": 1e-5, "train.steps": 1000},
        },
    )

    preset: str | None = Field(default=None, max_length=100, description="One of GET /v1/presets.")
    from_checkpoint: str | None = Field(
        default=None,
        max_length=100,
        description="Instead of a preset, the id of a checkpoint or of a run, whose newest is used: a new run that begins "
        "with the weights that the checkpoint solves with, in the configuration of its run. Steps count from 0; optimizer, "
        "schedule and data start over. `overrides` may change anything but the model.",
    )
    overrides: dict[str, JsonValue] = Field(
        default={},
        max_length=100,
        description="Settings to change, as `section.field`: see GET /v1/presets/{name}. "
        "Values are written as they are there, lists of objects included.",
    )
    dataset: str | None = Field(
        default=None, max_length=100, description="Train on this data set, not on the preset's own."
    )

    devices: Devices | None = Field(
        default=None,
        description="Train on so many GPUs of a worker at once, or on so many cores of one without: as many processes, each with "
        "its share of `train.batch_size`. As suits the model if left out, on one GPU.",
    )
    min_devices: Devices | None = Field(
        default=None,
        description="Also take a worker that has only so many, in this attempt or a later one; `devices` if left out.",
    )

    @field_validator("overrides")
    @classmethod
    def _is_text(cls, overrides: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if UNSTORABLE.search(to_json(overrides, escape=False)):
            raise ValueError("no setting has a value with half of a surrogate pair")
        return overrides

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        if (self.preset is None) == (self.from_checkpoint is None):
            raise RuleError("give either `preset` or `from_checkpoint`", "preset")
        if self.min_devices is not None and self.min_devices > (self.devices or 0):
            raise RuleError("`min_devices` is at most `devices`", "min_devices")
        return self

    @property
    def least_devices(self) -> int:
        """How many devices the worker must have."""
        return self.min_devices or self.devices or 1


class TrainingPlan(Response):
    """What a training would be: nothing was stored or queued."""

    config: RunConfig = Field(description="Preset or checkpoint, data set and overrides, resolved and checked.")
    parent_checkpoint_id: str | None = Field(description="The checkpoint whose weights it would begin with, if any.")
    train_puzzles: int | None = Field(description="Puzzles to train on; null for ARC.")
    estimate: Estimate
    hardware: str = Field(description="What to train it on, and about how long that takes.")
