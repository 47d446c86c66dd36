"""Named experiments, and how overrides change them."""

from typing import Any

from pydantic import ValidationError

from trm.ablations import BASELINES, PAPER, SUCCESSORS, Ablation
from trm.config import Frozen, ModelConfig, PuzzleSpec, RunConfig, TrainConfig
from trm.errors import InvalidOverride, UnknownPreset


class Preset(Frozen):
    """A recipe with a name; its data set can be replaced by any other of the same kind."""

    name: str
    summary: str
    dataset: str
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()


def _derived(base: Preset, name: str, summary: str, dataset: str | None = None, **changes: object) -> Preset:
    """A preset with another name and some settings changed; `model__layers=4` stands for `model.layers`."""
    sections: dict[str, dict[str, Any]] = {"model": base.model.model_dump(), "train": base.train.model_dump()}
    for key, value in changes.items():
        section, field = key.split("__")
        sections[section][field] = value
    return Preset(name=name, summary=summary, dataset=dataset or base.dataset, **sections)


# Learns small puzzles within minutes on a CPU; no prefix, since there is one kind of puzzle and nothing to tell apart.
SMALL = ModelConfig(hidden_size=64, latent_steps=2, recursions=2, prefix_tokens=0)
DEMO = Preset(
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
        checkpoint_every=200,
    ),
)
SIX = _derived(
    DEMO,
    "sudoku-6x6",
    "6x6 Sudoku on two CPU cores: the next size up from the demo.",
    "sudoku-6x6",
    train__steps=3_000,
    train__learning_rate=3e-3,
    train__ema_decay=0.99,
    train__log_every=20,
    train__evaluate_every=500,
    train__checkpoint_every=500,
)

# The official recipes; where the repository's README and the paper differ, the paper's has "-paper" in its name.
# Epochs become updates as in the official code: epochs * groups * mean examples / 768.
SUDOKU = Preset(
    name="sudoku-extreme",
    summary="9x9 Sudoku-Extreme, token-mixing MLP: the official README's run (paper: 87.4 %).",
    dataset="sudoku-extreme-1k",
)
SUDOKU_ATTENTION = _derived(
    SUDOKU,
    "sudoku-extreme-attention",
    "9x9 Sudoku-Extreme, self-attention: the official README's run (paper: 74.7 %).",
    model__mixer="attention",
)
MAZE = _derived(
    SUDOKU_ATTENTION,
    "maze-hard",
    "30x30 Maze-Hard: the README's run, four latent steps and no augmentation (paper: 85.3 %).",
    "maze-hard",
    model__latent_steps=4,
    train__augment=False,
)
ARC_1 = _derived(
    MAZE,
    "arc-1",
    "ARC-AGI-1 with ConceptARC: the README's run, four latent steps (paper: 44.6 % in two tries).",
    "arc-1",
    model__puzzle_ids=876_406,
    train__augment=True,
    train__steps=518_226,
    train__weight_decay=0.1,
    train__puzzle_learning_rate=1e-2,
    train__puzzle_weight_decay=0.1,
    train__evaluate_every=50_000,
    train__evaluate_puzzles=400,
)
ARC_2 = _derived(
    ARC_1,
    "arc-2",
    "ARC-AGI-2 with ConceptARC: the README's run, four latent steps (paper: 7.8 % in two tries).",
    "arc-2",
    model__puzzle_ids=1_191_730,
    train__steps=722_098,
)
OFFICIAL = (SUDOKU, SUDOKU_ATTENTION, MAZE, ARC_1, ARC_2)
SIXTY_THOUSAND = {"model__latent_steps": 6, "train__augment": True, "train__steps": 78_125}  # epochs
AS_IN_THE_PAPER = (
    *(
        _derived(
            base,
            f"{base.name}-paper",
            f"{base.summary.split(':')[0]}: as the paper says, six latent steps, 60,000 epochs.",
            **SIXTY_THOUSAND,
        )
        for base in (SUDOKU, SUDOKU_ATTENTION, MAZE)
    ),
    *(
        _derived(
            base,
            f"{base.name}-paper",
            f"{base.summary.split(':')[0]}: as the paper says, six latent steps.",
            model__latent_steps=6,
        )
        for base in (ARC_1, ARC_2)
    ),
)


def _changed(base: Preset, ablation: Ablation, name: str, summary: str, **further: object) -> Preset:
    changes = {key.replace(".", "__"): value for key, value in ablation.changes(base.model).items()}
    return _derived(base, name, summary, **changes, **further)


# The rows of the paper's table 1 that are not TRM, on each data set.
EPOCHS_20K = {"train__steps": 26_041}  # HRM's README, Sudoku and mazes
TABLE_1 = tuple(
    _changed(
        base,
        ablation,
        f"{ablation.name}-{base.name}",
        f"{ablation.summary.split(':')[0]} on {base.dataset}, 27 M parameters (paper: {percent} %).",
        **(EPOCHS_20K if base in (SUDOKU, MAZE) else {}),
    )
    for ablation, published in zip(BASELINES, ((55.0, 74.5, 40.3, 5.0), (0.0, 0.0, 21.0, 0.0)), strict=True)
    for base, percent in zip((SUDOKU, MAZE, ARC_1, ARC_2), published, strict=True)
)

# Our own: fewer updates, what the successors found. Their accuracy on the full data is not measured yet.
FAST: dict[str, Any] = {
    "model__prefix_tokens": 0,
    "train__warmup_steps": 500,
    "train__min_learning_rate_ratio": 0.01,
    "train__gradient_clip": 1.0,
    "train__keep_best": True,
}
OWN = (
    _derived(
        SUDOKU,
        "sudoku-extreme-fast",
        "9x9 Sudoku-Extreme with Muon, no prefix and cosine decay, the best by validation kept.",
        **FAST,
        model__feed_forward="normed_swiglu",
        train__optimizer="muon",
        train__steps=10_000,
        train__evaluate_every=500,
    ),
    _derived(
        MAZE,
        "maze-hard-fast",
        "30x30 Maze-Hard with AdamW, augmentation, no prefix and cosine decay, the best by validation kept.",
        **FAST,
        train__augment=True,
        train__optimizer="adamw",
        train__steps=20_000,
    ),
)


def _ablated(ablation: Ablation) -> Preset:
    published = "" if ablation.published is None else f" (published: {ablation.published} %)"
    return _changed(
        SUDOKU, ablation, f"ablation-{ablation.name}", f"sudoku-extreme, but: {ablation.summary}{published}."
    )


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        DEMO,
        SIX,
        *OFFICIAL,
        *AS_IN_THE_PAPER,
        *TABLE_1,
        *OWN,
        *(_ablated(ablation) for ablation in (*PAPER, *SUCCESSORS)),
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
