"""What a training job is asked with."""

from typing import Annotated

from pydantic import ConfigDict, Field

from services.gateway.schemas.base import Request

Override = bool | int | float | Annotated[str, Field(max_length=200)] | None


class TrainingJobRequest(Request):
    """A preset, and what to change in it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"preset": "sudoku-6x6"},
                {
                    "preset": "sudoku-extreme",
                    "name": "extreme, 200 steps on a laptop",
                    "overrides": {"train.steps": 200, "train.batch_size": 32, "train.precision": "float32"},
                },
                {"preset": "sudoku-6x6", "dataset": "my-sudokus"},
            ]
        }
    )

    preset: str = Field(max_length=100, description="One of GET /v1/presets.")
    overrides: dict[str, Override] = Field(
        default={}, max_length=100, description="Settings to change, as `section.field`: see GET /v1/presets/{name}."
    )
    dataset: str | None = Field(
        default=None, max_length=100, description="Train on this data set, not on the preset's own."
    )
    name: str | None = Field(
        default=None, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$", description="What to call the run."
    )
