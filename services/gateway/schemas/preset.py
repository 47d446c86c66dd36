"""Presets: named experiments to start trainings from."""

from pydantic import Field

from services.gateway.schemas.base import Response, examples
from trm.config.model import ModelConfig
from trm.config.train import TrainConfig
from trm.puzzles.spec import PuzzleSpec


class PresetSummary(Response):
    """A preset in a list."""

    model_config = examples(
        {
            "name": "sudoku-6x6",
            "summary": "6x6 Sudoku in five to seven minutes on two CPU cores: the next size up from the demo.",
            "dataset": "sudoku-6x6",
            "hardware": "A CPU is enough: about 5 minutes on two cores.",
        }
    )

    name: str
    summary: str
    dataset: str = Field(description="Data set that it trains on unless another is asked for.")
    hardware: str = Field(description="What to train it on, and about how long that takes.")


class PresetDetail(PresetSummary):
    """A preset with every setting; `section.field` is the name to override it by."""

    puzzle: PuzzleSpec
    model: ModelConfig
    train: TrainConfig


class PresetList(Response):
    """All presets; there are few, so one page holds them."""

    data: list[PresetSummary]
