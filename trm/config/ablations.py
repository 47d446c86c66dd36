"""Named changes to a recipe, one idea each: the paper's ablations, and what its successors add."""

from dataclasses import dataclass
from typing import Any

from trm.config.model import ModelConfig

Changes = dict[str, Any]  # dotted setting -> value


@dataclass(frozen=True)
class Ablation:
    """One idea: what it is, where it was published, and the settings that it changes."""

    name: str
    summary: str
    source: str
    settings: Changes  # a function of the recipe's model where the value depends on its sizes
    published: float | None = None  # exact accuracy on Sudoku-Extreme, %; the paper's unchanged recipe has 87.4

    def changes(self, model: ModelConfig) -> Changes:
        """The settings that a recipe with this model gets."""
        return {name: value(model) if callable(value) else value for name, value in self.settings.items()}


def _make_curriculum(model: ModelConfig) -> list[dict[str, float]]:
    middle = {"recursions": max(1, model.recursions - 1), "latent_steps": max(1, round(model.latent_steps * 2 / 3))}
    first = {"recursions": 1, "latent_steps": max(1, model.latent_steps // 3)}
    return [{"until": 0.3, **first}, {"until": 0.6, **middle}]


# fmt: off
PLAIN: Changes = {
    "model.mixer": "attention", "model.prefix_tokens": lambda model: min(1, model.prefix_tokens), "train.ema_decay": None,
}
HRM: Changes = PLAIN | {
    "model.networks": "separate", "model.layers": lambda model: 2 * model.layers, "model.latent_steps": 2, "model.recursions": 2,
    "model.gradient_steps": 1, "train.halt_rule": "halt_over_continue",
}
DIRECT: Changes = PLAIN | {
    "model.latents": "none", "model.layers": lambda model: 4 * model.layers, "model.latent_steps": 1, "model.recursions": 1,
    "model.max_supervision_steps": 1,
}
FOUR_LAYERS: Changes = {
    "model.layers": lambda model: 2 * model.layers, "model.latent_steps": lambda model: max(1, model.latent_steps // 2),
}
SHALLOW: Changes = {
    "model.recursions": lambda model: max(1, model.recursions - 1), "model.latent_steps": lambda model: max(1, model.latent_steps // 3),
}
ALL_BUT_TWO: Changes = {"model.gradient_steps": lambda model: max(1, model.latent_steps - 2)}
MUON: Changes = {"train.optimizer": "muon", "model.feed_forward": "normed_swiglu", "train.gradient_clip": 1.0}
EQR: Changes = {"model.random_start": True, "model.inertia": 0.05, "model.update_noise": 0.01}
STABLE: Changes = {"train.schedule": "warmup_stable_decay", "train.min_learning_rate_ratio": 0.0}

TRM = "arXiv 2510.04871"
TABLE_1, TABLE_2, SECTION_7 = f"{TRM} table 1", f"{TRM} table 2", f"{TRM} section 7"
MUON_PAPERS, WINNER, EQUILIBRIUM = "arXiv 2502.16982, 2601.19085", "arXiv 2601.19085", "arXiv 2605.21488"

BASELINES = (
    Ablation("hrm", "Hierarchical Reasoning Model: two networks, one-step gradient, Q-learning", "arXiv 2506.21734", HRM, 55.0),
    Ablation("direct", "Direct prediction: one pass of a transformer, no recursion", TABLE_1, DIRECT, 0.0),
)
PAPER = (
    Ablation("separate-networks", "A second network updates the answer", TABLE_1, {"model.networks": "separate"}, 82.4),
    Ablation("no-ema", "No average of the weights is kept", TABLE_1, {"train.ema_decay": None}, 79.9),
    Ablation("four-layers", "Twice the layers, half the latent steps", TABLE_1, FOUR_LAYERS, 79.5),
    Ablation("attention", "Self-attention mixes the tokens", TABLE_1, {"model.mixer": "attention"}, 74.7),
    Ablation("shallow", "Fewer recursions and latent steps (T=2, n=2)", TABLE_1, SHALLOW, 73.7),
    Ablation("one-step-gradient", "Only the last latent and answer update have a gradient", TABLE_1, {"model.gradient_steps": 1}, 56.5),
    Ablation("q-continue", "HRM's halting: Q-learning with a second pass", TABLE_1, {"train.halt_rule": "halt_over_continue"}, 86.1),
    Ablation("single-latent", "Answer and latent are one", TABLE_2, {"model.latents": "single"}, 71.9),
    Ablation("multi-scale-latent", "One latent for each latent step", TABLE_2, {"model.latents": "multi_scale"}, 77.6),
    Ablation("tied-embeddings", "The answer head is the token embedding", SECTION_7, {"model.tied_embeddings": True}),
    Ablation("experts", "Four feed-forwards, two a token", SECTION_7, {"model.experts": 4}),
    Ablation("last-gradient", "No gradient through the first two latent updates (last 4 of 6)", SECTION_7, ALL_BUT_TWO),
    Ablation("softmax", "Softmax instead of stable-max cross entropy", f"{TRM}, arXiv 2501.04697", {"train.loss": "softmax"}),
)
SUCCESSORS = (
    Ablation("no-prefix", "No puzzle embedding and no scratch tokens", EQUILIBRIUM, {"model.prefix_tokens": 0}),
    Ablation("adamw", "AdamW instead of AdamATan2", "arXiv 1711.05101", {"train.optimizer": "adamw"}),
    Ablation("muon", "Muon on the blocks, AdamW elsewhere", MUON_PAPERS, {"train.optimizer": "muon"}),
    Ablation("normed-swiglu", "The feed-forward that suits Muon", WINNER, {"model.feed_forward": "normed_swiglu"}),
    Ablation("muon-normed-swiglu", "Both together, the gradient clipped", WINNER, MUON),
    Ablation("random-start", "Fresh random states for every puzzle", EQUILIBRIUM, {"model.random_start": True}),
    Ablation("eqr", "Random start, inertia and noise on every update", EQUILIBRIUM, EQR),
    Ablation("winner-takes-all", "Four latents compete, the best is trained", WINNER, {"model.hypotheses": 4}, 96.9),
    Ablation("depth-curriculum", "Shallow recursions first", "arXiv 2511.08653", {"train.depth_curriculum": _make_curriculum}),
    Ablation("step-discount", "Later supervision steps weigh less", "arXiv 2511.08653", {"train.step_discount": 0.7}),
    Ablation("label-smoothing", "A fifth of the target is spread", WINNER, {"train.label_smoothing": 0.2}),
    Ablation("warmup-stable-decay", "The learning rate falls over the last fifth only", "arXiv 2404.06395", STABLE),
    Ablation("gradient-clip", "The gradient's norm is at most 1", "arXiv 1211.5063", {"train.gradient_clip": 1.0}),
)
# fmt: on

ABLATIONS: dict[str, Ablation] = {ablation.name: ablation for ablation in (*BASELINES, *PAPER, *SUCCESSORS)}
