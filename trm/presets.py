"""Named experiments, and how overrides change them."""

from typing import Any

from pydantic import ValidationError

from trm.config import Frozen, ModelConfig, PuzzleSpec, RunConfig, TrainConfig
from trm.errors import InvalidOverride, UnknownPreset


class Preset(Frozen):
    """A recipe with a name; its data set can be replaced by any other of the same kind."""

    name: str
    summary: str
    dataset: str
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()


# Learns small puzzles within minutes on a CPU; no prefix, since there is one kind of puzzle and nothing to tell apart.
SMALL = ModelConfig(hidden_size=64, latent_steps=2, recursions=2, prefix_tokens=0)

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            name="sudoku-4x4",
            summary="4x4 Sudoku in about a minute on two CPU cores: the demo.",
            dataset="sudoku-4x4",
            model=SMALL,
            train=TrainConfig(
                steps=600,
                batch_size=64,
                learning_rate=2e-3,
                weight_decay=0.1,
                warmup_steps=50,
                min_learning_rate_ratio=0.1,
                ema_decay=0.98,
                precision="float32",
                log_every=10,
                evaluate_every=200,
                evaluate_puzzles=555,
                checkpoint_every=200,
            ),
        ),
        Preset(
            name="sudoku-6x6",
            summary="6x6 Sudoku on two CPU cores: the next size up from the demo.",
            dataset="sudoku-6x6",
            model=SMALL,
            train=TrainConfig(
                steps=3_000,
                batch_size=64,
                learning_rate=3e-3,
                weight_decay=0.1,
                warmup_steps=50,
                min_learning_rate_ratio=0.1,
                ema_decay=0.99,
                precision="float32",
                log_every=20,
                evaluate_every=500,
                evaluate_puzzles=500,
                checkpoint_every=500,
            ),
        ),
        Preset(
            name="sudoku-extreme",
            summary="9x9 Sudoku-Extreme with the token-mixing MLP: the official recipe (paper: 87.4 %).",
            dataset="sudoku-extreme-1k",
        ),
        Preset(
            name="sudoku-extreme-attention",
            summary="9x9 Sudoku-Extreme with self-attention and rotary embeddings (paper: 74.7 %).",
            dataset="sudoku-extreme-1k",
            model=ModelConfig(mixer="attention"),
        ),
    )
}


def get_preset(name: str) -> Preset:
    """The preset of this name; raises UnknownPreset with the names there are."""
    if name not in PRESETS:
        raise UnknownPreset(f"There is no preset {name!r}. Choose one of: {', '.join(sorted(PRESETS))}.")
    return PRESETS[name]


def resolve(
    name: str, puzzle: PuzzleSpec, overrides: dict[str, Any] | None = None, dataset: str | None = None
) -> RunConfig:
    """The preset with dotted overrides applied (`{"train.steps": 200}`), checked and complete.

    Raises UnknownPreset, or InvalidOverride naming the key and what it accepts.
    """
    preset = get_preset(name)
    sections: dict[str, dict[str, Any]] = {"model": preset.model.model_dump(), "train": preset.train.model_dump()}
    for key, value in (overrides or {}).items():
        section, _, field = key.partition(".")
        if section not in sections or field not in sections[section]:
            known = ", ".join(f"{s}.{f}" for s, fields in sections.items() for f in fields)
            raise InvalidOverride(f"There is no setting {key!r} to override. Settings: {known}.")
        sections[section][field] = value
    try:
        return RunConfig(
            preset=name,
            dataset=dataset or preset.dataset,
            puzzle=puzzle,
            model=ModelConfig(**sections["model"]),
            train=TrainConfig(**sections["train"]),
        )
    except ValidationError as error:
        raise InvalidOverride(_sentence(error)) from error


def _sentence(error: ValidationError) -> str:
    parts = [
        f"{'.'.join(str(p) for p in e['loc']) or error.title}: {e['msg']} (got {e['input']!r})" for e in error.errors()
    ]
    return "The overrides are not valid: " + "; ".join(parts)[:1000]
