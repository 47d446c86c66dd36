"""Options that several commands share, and the model that they name: a checkpoint folder, or one that ships with the package."""

from pathlib import Path
from typing import Annotated

import typer

from trm.errors import CheckpointNotFound, ConfigError
from trm.interface.pretrained import pretrained

Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
EffortSettings = Annotated[
    list[str] | None,
    typer.Option("--effort", help="Effort settings: halt_threshold=0.5, rollouts=8, noise=0.3, views=4, ..."),
]
Checkpoint = Annotated[Path | None, typer.Option(help="A checkpoint folder, or an exported model.")]
Model = Annotated[str | None, typer.Option(help="A model that ships with the package, instead; see `trm models`.")]


def folder_of(checkpoint: Path | None, model: str | None) -> Path:
    """The folder to load; raises ConfigError unless one of the two is given, CheckpointNotFound, UnknownModel."""
    if (checkpoint is None) == (model is None):
        raise ConfigError("Give either --checkpoint with a folder, or --model with the name of a shipped model.")
    if checkpoint is None:
        return pretrained(model or "").folder
    if not checkpoint.exists():
        raise CheckpointNotFound(f"There is no checkpoint {checkpoint}.")
    return checkpoint
