"""The models that ship with the package: which there are, and what their cards say, without loading torch."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from trm.config.run import RunConfig
from trm.errors import PuzzleError, UnknownModel
from trm.interface.measured import MEASURED, Measured
from trm.puzzles.grids import Given, parse
from trm.suggest import did_you_mean

MODELS = Path(__file__).parents[1] / "models"
CONFIG = "config.json"  # of an exported model, see trm.interop.export


@dataclass(frozen=True)
class Pretrained:
    """A shipped model: an exported folder with its name."""

    name: str
    folder: Path
    config: RunConfig
    step: int  # optimizer updates
    parameters: int
    licence: str
    cost: str  # of the training
    bytes: int  # of the weights
    digest: str  # sha256 of the weights
    measured: Measured


@lru_cache(1)
def names() -> tuple[str, ...]:
    """The names of all shipped models."""
    return tuple(sorted(path.parent.name for path in MODELS.glob(f"*/{CONFIG}")))


@lru_cache
def pretrained(name: str) -> Pretrained:
    """The shipped model of this name; raises UnknownModel with the names there are."""
    if name not in names():
        close = did_you_mean(name, names())
        raise UnknownModel(
            f"There is no shipped model {name[:100]!r}.{close} There is: {', '.join(names()) or 'none'}."
        )
    folder = MODELS / name
    document = json.loads((folder / CONFIG).read_text())
    weights = document["files"]["model.safetensors"]
    return Pretrained(
        name=name,
        folder=folder,
        config=RunConfig.model_validate(document["config"]),
        bytes=weights["bytes"],
        digest=weights["sha256"],
        measured=Measured.model_validate_json((folder / MEASURED).read_text()),
        **{name: document[name] for name in ("step", "parameters", "licence", "cost")},
    )


def suitable_for(puzzle: Given) -> Pretrained:
    """The shipped model for a puzzle as it is written: one made for its very size first, then one that answers every size.

    Raises UnknownModel where there is none.
    """
    fitting = [model for model in map(pretrained, names()) if _answers(model.config, puzzle)]
    if not fitting:
        raise UnknownModel(f"No shipped model answers such a puzzle. Name one: {', '.join(names()) or 'none ships'}.")
    return min(fitting, key=lambda model: model.config.model.any_size)


def _answers(config: RunConfig, puzzle: Given) -> bool:
    try:
        spec = config.shape_of(puzzle)
        parse(spec, puzzle)
    except PuzzleError:
        return False
    return config.answers(spec)
