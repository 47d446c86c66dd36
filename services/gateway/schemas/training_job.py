"""What a training job is asked with."""

import json
from typing import Self

from pydantic import ConfigDict, Field, JsonValue, field_validator, model_validator

from services.gateway.schemas.job_limits import JobLimits
from services.registry.db.storable import UNSTORABLE

NOT_BLANK = r"^[^\x00-\x1f]*[^\x00-\x20\s][^\x00-\x1f]*$"


class TrainingJobRequest(JobLimits):
    """A preset or a checkpoint to begin with, and what to change in its configuration."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
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
                    "from_checkpoint": "ckpt_01934e0c5f3b7c2aa1b2c3d4e5f60718",
                    "overrides": {"train.learning_rate": 1e-5, "train.steps": 1000},
                },
            ]
        }
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
    name: str | None = Field(
        default=None, min_length=1, max_length=100, pattern=NOT_BLANK, description="What to call the run."
    )

    @field_validator("overrides")
    @classmethod
    def _is_text(cls, overrides: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if UNSTORABLE.search(json.dumps(overrides, ensure_ascii=False)):
            raise ValueError("no setting has a value with half of a surrogate pair")
        return overrides

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        if (self.preset is None) == (self.from_checkpoint is None):
            raise ValueError("give either `preset` or `from_checkpoint`")
        return self
