"""Named changes to a recipe, one idea each: the paper's ablations, and what its successors add."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trm.config.model import ModelConfig

Changes = dict[str, Any]  # dotted setting -> value


@dataclass(frozen=True)
class Ablation:
    """One idea; what it changes may depend on the depth of the recipe it is applied to."""

    name: str
    summary: str
    source: str  # where it was published
    changes: Callable[[ModelConfig], Changes]
    published: float | None = None  # exact accuracy on Sudoku-Extreme, %; the paper's unchanged recipe has 87.4


TRM = "arXiv 2510.04871"


def _set(**changes: object) -> Callable[[ModelConfig], Changes]:
    """The same changes for every recipe; `model__layers=4` stands for `model.layers`."""
    dotted = {name.replace("__", "."): value for name, value in changes.items()}
    return lambda _: dotted


def _four_layers(model: ModelConfig) -> Changes:
    return {"model.layers": 2 * model.layers, "model.latent_steps": max(1, model.latent_steps // 2)}


def _shallow(model: ModelConfig) -> Changes:
    return {
        "model.recursions": max(1, model.recursions - 1),
        "model.latent_steps": max(1, model.latent_steps // 3),
    }


def _last_gradient(model: ModelConfig) -> Changes:
    return {"model.gradient_steps": max(1, model.latent_steps - 2)}


def _curriculum(model: ModelConfig) -> Changes:
    middle = {"recursions": max(1, model.recursions - 1), "latent_steps": max(1, round(model.latent_steps * 2 / 3))}
    first = {"recursions": 1, "latent_steps": max(1, model.latent_steps // 3)}
    return {"train.depth_curriculum": [{"until": 0.3, **first}, {"until": 0.6, **middle}]}


def _hrm(model: ModelConfig) -> Changes:
    return {
        "model.mixer": "attention",
        "model.networks": "separate",
        "model.gradient_steps": 1,
        "model.layers": 2 * model.layers,
        "model.latent_steps": 2,
        "model.recursions": 2,
        "model.prefix_tokens": min(1, model.prefix_tokens),
        "train.halt_rule": "halt_over_continue",
        "train.ema_decay": None,
    }


def _direct(model: ModelConfig) -> Changes:
    return {
        "model.mixer": "attention",
        "model.latents": "none",
        "model.layers": 4 * model.layers,
        "model.latent_steps": 1,
        "model.recursions": 1,
        "model.max_supervision_steps": 1,
        "model.prefix_tokens": min(1, model.prefix_tokens),
        "train.ema_decay": None,
    }


BASELINES = (
    Ablation(
        "hrm",
        "Hierarchical Reasoning Model: two networks, one-step gradient, Q-learning",
        "arXiv 2506.21734",
        _hrm,
        55.0,
    ),
    Ablation("direct", "Direct prediction: one pass of a transformer, no recursion", f"{TRM} table 1", _direct, 0.0),
)

PAPER = (
    Ablation(
        "separate-networks",
        "A second network updates the answer",
        f"{TRM} table 1",
        _set(model__networks="separate"),
        82.4,
    ),
    Ablation("no-ema", "No average of the weights is kept", f"{TRM} table 1", _set(train__ema_decay=None), 79.9),
    Ablation("four-layers", "Twice the layers, half the latent steps", f"{TRM} table 1", _four_layers, 79.5),
    Ablation("attention", "Self-attention mixes the tokens", f"{TRM} table 1", _set(model__mixer="attention"), 74.7),
    Ablation("shallow", "Fewer recursions and latent steps (T=2, n=2)", f"{TRM} table 1", _shallow, 73.7),
    Ablation(
        "one-step-gradient",
        "Only the last latent and answer update have a gradient",
        f"{TRM} table 1",
        _set(model__gradient_steps=1),
        56.5,
    ),
    Ablation(
        "q-continue",
        "HRM's halting: Q-learning with a second pass",
        f"{TRM} table 1",
        _set(train__halt_rule="halt_over_continue"),
        86.1,
    ),
    Ablation("single-latent", "Answer and latent are one", f"{TRM} table 2", _set(model__latents="single"), 71.9),
    Ablation(
        "multi-scale-latent",
        "One latent for each latent step",
        f"{TRM} table 2",
        _set(model__latents="multi_scale"),
        77.6,
    ),
    Ablation(
        "tied-embeddings",
        "The answer head is the token embedding",
        f"{TRM} section 7",
        _set(model__tied_embeddings=True),
    ),
    Ablation("experts", "Four feed-forwards, two a token", f"{TRM} section 7", _set(model__experts=4)),
    Ablation(
        "last-gradient",
        "No gradient through the first two latent updates (last 4 of 6)",
        f"{TRM} section 7",
        _last_gradient,
    ),
    Ablation(
        "softmax",
        "Softmax instead of stable-max cross entropy",
        f"{TRM}, arXiv 2501.04697",
        _set(train__loss="softmax"),
    ),
)

SUCCESSORS = (
    Ablation(
        "no-prefix", "No puzzle embedding and no scratch tokens", "arXiv 2605.21488", _set(model__prefix_tokens=0)
    ),
    Ablation("adamw", "AdamW instead of AdamATan2", "arXiv 1711.05101", _set(train__optimizer="adamw")),
    Ablation(
        "muon", "Muon on the blocks, AdamW elsewhere", "arXiv 2502.16982, 2601.19085", _set(train__optimizer="muon")
    ),
    Ablation(
        "normed-swiglu",
        "The feed-forward that suits Muon",
        "arXiv 2601.19085",
        _set(model__feed_forward="normed_swiglu"),
    ),
    Ablation(
        "muon-normed-swiglu",
        "Both together, the gradient clipped",
        "arXiv 2601.19085",
        _set(train__optimizer="muon", model__feed_forward="normed_swiglu", train__gradient_clip=1.0),
    ),
    Ablation(
        "random-start", "Fresh random states for every puzzle", "arXiv 2605.21488", _set(model__random_start=True)
    ),
    Ablation(
        "eqr",
        "Random start, inertia and noise on every update",
        "arXiv 2605.21488",
        _set(model__random_start=True, model__inertia=0.05, model__update_noise=0.01),
    ),
    Ablation(
        "winner-takes-all",
        "Four latents compete, the best is trained",
        "arXiv 2601.19085",
        _set(model__hypotheses=4),
        96.9,
    ),
    Ablation("depth-curriculum", "Shallow recursions first", "arXiv 2511.08653", _curriculum),
    Ablation("step-discount", "Later supervision steps weigh less", "arXiv 2511.08653", _set(train__step_discount=0.7)),
    Ablation(
        "label-smoothing", "A fifth of the target is spread", "arXiv 2601.19085", _set(train__label_smoothing=0.2)
    ),
    Ablation(
        "warmup-stable-decay",
        "The learning rate falls over the last fifth only",
        "arXiv 2404.06395",
        _set(train__schedule="warmup_stable_decay", train__min_learning_rate_ratio=0.0),
    ),
    Ablation("gradient-clip", "The gradient's norm is at most 1", "arXiv 1211.5063", _set(train__gradient_clip=1.0)),
)

ABLATIONS: dict[str, Ablation] = {ablation.name: ablation for ablation in (*BASELINES, *PAPER, *SUCCESSORS)}
