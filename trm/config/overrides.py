"""A preset or a recorded configuration with dotted overrides applied, checked and complete."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from trm.config.model import ModelConfig
from trm.config.presets import change, get_preset, published_ids
from trm.config.run import RunConfig
from trm.config.train import TrainConfig
from trm.errors import InvalidOverride, Path, RuleError
from trm.puzzles.datasets.datasets import spec_of
from trm.puzzles.spec import Frozen, PuzzleSpec
from trm.suggest import did_you_mean

DEPTH_SETTINGS = ("recursions", "latent_steps")  # how often the same weights are applied
STATE_SETTINGS = ("batch_size", "optimizer", "arc_variants")  # what the saved state of a training has its shape from
SECTIONS: dict[str, type[Frozen]] = {"model": ModelConfig, "train": TrainConfig}  # no name occurs in both


def resolve(
    name: str, puzzle: PuzzleSpec, overrides: dict[str, Any] | None = None, dataset: str | None = None
) -> RunConfig:
    """The preset with dotted overrides applied (`{"train.steps": 200}`), checked and complete.

    Of the other sizes that the preset trains on, that of these puzzles is left out.

    Raises UnknownPreset, or InvalidOverride naming the key and what it accepts.
    """
    preset = get_preset(name)
    source = dataset or preset.dataset
    ids = published_ids(source, preset.model.puzzle_ids) if puzzle.kind == "arc" else 1
    model = preset.model.model_copy(update={"puzzle_ids": ids})
    train = preset.train.model_copy(update={"also": tuple(n for n in preset.train.also if spec_of(n) != puzzle)})
    return _override(model, train, overrides or {}, name, source, puzzle)


def qualify(settings: Mapping[str, object]) -> dict[str, object]:
    """Settings by their own names as dotted overrides: `steps` is `train.steps`, `hidden_size` is `model.hidden_size`."""
    sections = {name: section for section, model in SECTIONS.items() for name in model.model_fields}
    return {f"{sections[name]}.{name}" if name in sections else name: value for name, value in settings.items()}


def fork(
    parent: RunConfig, overrides: dict[str, Any], puzzle: PuzzleSpec | None = None, dataset: str | None = None
) -> RunConfig:
    """A run's configuration with dotted overrides applied, for another run that begins with its weights.

    Raises InvalidOverride, also when the weights would no longer fit.
    """
    config = _override(
        parent.model, parent.train, overrides, parent.preset, dataset or parent.dataset, puzzle or parent.puzzle
    )
    depth = {name: getattr(parent.model, name) for name in DEPTH_SETTINGS}
    takes_weights = config.model.model_copy(update=depth) == parent.model
    if not takes_weights or config.puzzle != parent.puzzle:
        what = "puzzles" if takes_weights else "model"
        raise InvalidOverride(f"The weights of the checkpoint fit no other {what} than those they were trained with.")
    return config


def adjust(parent: RunConfig, overrides: dict[str, Any]) -> RunConfig:
    """The configuration of a training that continues from its checkpoint with other settings.

    Raises InvalidOverride, also when its state would no longer fit: slots, optimizer state, averages.
    """
    config = fork(parent, overrides)
    kept = [name for name in STATE_SETTINGS if getattr(config.train, name) != getattr(parent.train, name)]
    if (config.train.ema_decay is None) != (parent.train.ema_decay is None):
        kept.append("ema_decay")
    if kept:
        names = ", ".join(f"train.{name}" for name in kept)
        raise InvalidOverride(
            f"A training that is resumed keeps {names}: its state depends on it. Use --weights for a new training."
        )
    return config


def _override(
    model: ModelConfig, train: TrainConfig, overrides: dict[str, Any], name: str, dataset: str, puzzle: PuzzleSpec
) -> RunConfig:
    known = [f"{section}.{field}" for section, kind in SECTIONS.items() for field in kind.model_fields]
    for key, value in overrides.items():
        if key not in known:
            raise _make_refusal(key, value, known)
    try:
        model, train = change(model, train, overrides)
        return RunConfig(preset=name, dataset=dataset, puzzle=puzzle, model=model, train=train)
    except ValidationError as error:
        parts = (
            f"{'.'.join(map(str, e['loc'])) or error.title}: {e['msg']} (got {e['input']!r})" for e in error.errors()
        )
        sentence = "The overrides are not valid: " + "; ".join(parts)[:1000]
        raise InvalidOverride(sentence, *_find_faults(error, overrides)) from error


def _make_refusal(key: str, value: object, known: Sequence[str]) -> InvalidOverride:
    """Tells a setting's own name, a section with settings inside it and a typing error apart from an unknown name."""
    close = did_you_mean(key, known)
    if isinstance(value, dict) and (inside := [f"{key}.{field}" for field in value if f"{key}.{field}" in known]):
        close = f" Write {inside[0]!r}: overrides are not nested."
    elif named := [name for name in known if name.endswith(f".{key}")]:
        close = f" Did you mean {named[0]!r}?"
    hint = close or f" Settings: {', '.join(known)}."
    return InvalidOverride(f"There is no setting {key[:100]!r} to override.{hint}", key)


def _find_faults(error: ValidationError, overrides: Mapping[str, Any]) -> list[Path]:
    """The overrides at fault: a value itself, or of a rule between settings the first that was overridden."""
    section = {"ModelConfig": "model.", "TrainConfig": "train."}.get(error.title, "")
    paths: list[Path] = []
    for problem in error.errors():
        field, *inside = problem["loc"] or ("",)
        rule = problem.get("ctx", {}).get("error")
        names = rule.fields if isinstance(rule, RuleError) else [str(field)]
        paths += [(f"{section}{name}", *inside) for name in names if f"{section}{name}" in overrides][:1]
    return paths
