"""The shape of the puzzles that a model of a service answers, to draw them by."""

from typing import TYPE_CHECKING

from trm.config.run import RunConfig
from trm.interface.pretrained import names, pretrained
from trm.puzzles.grids import resize
from trm.puzzles.spec import PuzzleSpec

if TYPE_CHECKING:
    from trm.client import Client


def config_of(client: "Client", model: str) -> RunConfig:
    """How a model was trained: one that ships, a promoted name, a checkpoint or a run; raises ApiError for one that is not there."""
    if model in names():
        return pretrained(model).config
    if not model.startswith(("run_", "ckpt_")):
        model = client.models.get(model).checkpoint_id  # type: ignore[union-attr]  # the shipped ones were known by their names
    run = client.checkpoints.get(model).run_id if model.startswith("ckpt_") else model
    return RunConfig.model_validate(client.runs.get(run).config.to_dict())


def shape_of(client: "Client", model: str, puzzle: str) -> PuzzleSpec:
    """The shape of this puzzle: its own size where the model answers every size."""
    config = config_of(client, model)
    return resize(config.puzzle, puzzle) if config.model.any_size else config.puzzle
