"""Official TRM and HRM checkpoints, read in their names and turned into ours."""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from trm.config.model import ModelConfig
from trm.errors import ForeignCheckpoint
from trm.interop.files import strip_prefixes
from trm.network.layers import RMS_EPSILON, ROPE_BASE

PUZZLE_TABLE = "inner.puzzle_emb.weights"
SCALES = 6  # latents of the official multi-scale model, whatever its L_cycles
DEFAULT_PREFIX = 16  # official puzzle_emb_len where a configuration does not state it

# Official name of the part before ".weight", ours; {i} is the layer.
MLP_NAMES = {
    "inner.L_level.layers.{i}.mlp_t.gate_up_proj": "layers.{i}.mixer.mlp.gate_up",
    "inner.L_level.layers.{i}.mlp_t.down_proj": "layers.{i}.mixer.mlp.down",
}
ATTENTION_NAMES = {
    "inner.L_level.layers.{i}.self_attn.qkv_proj": "layers.{i}.mixer.qkv",
    "inner.L_level.layers.{i}.self_attn.o_proj": "layers.{i}.mixer.out",
}
LAYER_NAMES = {
    "inner.L_level.layers.{i}.mlp.gate_up_proj": "layers.{i}.mlp.gate_up",
    "inner.L_level.layers.{i}.mlp.down_proj": "layers.{i}.mlp.down",
}
TENSORS = {
    "inner.embed_tokens.embedding_weight": "embedding",
    "inner.lm_head.weight": "answer_head.weight",
    "inner.q_head.weight": "halt_head.weight",
    "inner.q_head.bias": "halt_head.bias",
    "inner.H_init": "y_init",
    "inner.L_init": "z_init",
    "inner.puzzle_emb.weights": "puzzle_embedding",
}


def official_names(config: ModelConfig) -> dict[str, str]:
    """Official tensor name -> ours, for a model of this configuration; one latent of several is "z_init.0"."""
    mixer = MLP_NAMES if config.mixer == "mlp" else ATTENTION_NAMES
    names = {
        f"{official.format(i=i)}.weight": f"{ours.format(i=i)}.weight"
        for i in range(config.layers)
        for official, ours in (mixer | LAYER_NAMES).items()
    }
    answering = {name.replace("L_level", "H_level"): ours for name, ours in names.items()}
    if config.latents == "none":  # the baseline has the answering network only
        names = answering
    elif config.networks == "separate":
        names |= {name: "answer_" + ours for name, ours in answering.items()}
    return names | _other_names(config)


def _other_names(config: ModelConfig) -> dict[str, str]:
    names = dict(TENSORS)
    if config.prefix_tokens == 0:
        del names[PUZZLE_TABLE]
    if config.latents == "single":
        del names["inner.H_init"]
    if config.latents in ("multi_scale", "none"):
        del names["inner.L_init"]
    if config.latents == "multi_scale":
        names |= {f"inner.L{i + 1}_init": f"z_init.{i}" for i in range(SCALES)}
    return names


# Official architecture -> what sets it apart from TRM.
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "trm": {},
    "trm_singlez": {"latents": "single"},
    "trm_hier6": {"latents": "multi_scale"},
    "hrm": {"networks": "separate", "gradient_steps": 1},
    "transformers_baseline": {"latents": "none", "latent_steps": 1, "recursions": 1},
}
CEILING = (
    "hrm",
    "transformers_baseline",
)  # their prefix is as long as the puzzle embedding needs; puzzle_emb_len is ignored
# Official key -> our words for it. None of these can be told from the weights.
STATED = {
    "H_cycles": "recursions",
    "L_cycles": "latent steps",
    "halt_max_steps": "supervision steps",
    "L_layers": "layers",
    "hidden_size": "hidden size",
    "num_heads": "heads",
    "expansion": "expansion",
    "pos_encodings": "positions",
    "puzzle_emb_ndim": "width of the puzzle embedding, 0 for none",
}


def config_from_official(official: Mapping[str, Any]) -> ModelConfig:
    """Our model configuration for an official one: its keys, flat, with `arch` as in ARCHITECTURES.

    Raises ForeignCheckpoint for another architecture, a missing key or a value that our model cannot represent.
    """
    architecture = official.get("arch", "trm")
    if architecture not in ARCHITECTURES:
        raise ForeignCheckpoint(f"Architecture {architecture!r} is unknown; known: {', '.join(ARCHITECTURES)}.")
    if architecture == "transformers_baseline":
        official = dict(official) | {"L_cycles": 1, "L_layers": official.get("H_layers")}
    _require_stated(official)
    _require_known(architecture, official)
    common: dict[str, Any] = {
        "mixer": "mlp" if official.get("mlp_t") else "attention",
        "hidden_size": official["hidden_size"],
        "heads": official["num_heads"],
        "layers": official["L_layers"],
        "expansion": official["expansion"],
        "latent_steps": official["L_cycles"],
        "recursions": official["H_cycles"],
        "max_supervision_steps": official["halt_max_steps"],
        "prefix_tokens": _prefix_tokens(architecture, official),
        "puzzle_ids": official.get("num_puzzle_identifiers", 1) if official["puzzle_emb_ndim"] else 1,
    }
    try:
        return ModelConfig(**common | ARCHITECTURES[architecture])
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))} {e['msg']}".strip() for e in error.errors())
        raise ForeignCheckpoint(f"Our model cannot be built like that: {wrong}.") from error


def _require_stated(official: Mapping[str, Any]) -> None:
    missing = [f"{key} ({ours})" for key, ours in STATED.items() if official.get(key) is None]
    if missing:
        raise ForeignCheckpoint(f"The configuration must state {', '.join(missing)}: weights cannot tell.")


def _require_known(architecture: str, official: Mapping[str, Any]) -> None:
    mlp, positions, width = bool(official.get("mlp_t")), official["pos_encodings"], official["hidden_size"]
    puzzle_width, steps = official["puzzle_emb_ndim"], official["halt_max_steps"]
    for wrong, sentence in (
        (
            architecture == "hrm" and official.get("H_layers") != official["L_layers"],
            "Both networks of an HRM must have the same number of layers (H_layers, L_layers).",
        ),
        (
            architecture == "trm_hier6" and official["L_cycles"] != SCALES,
            f"trm_hier6 has {SCALES} latents, each updated once a recursion: L_cycles {official['L_cycles']} is not supported.",
        ),
        (
            architecture == "transformers_baseline" and steps != 1,
            f"The baseline answers in one pass here; one of {steps} supervision steps (halt_max_steps) is not supported.",
        ),
        (
            positions != ("none" if mlp else "rope"),
            f"Positions {positions!r} do not go with mlp_t={mlp}; known: mlp_t with none, attention with rope.",
        ),
        (
            puzzle_width not in (0, width),
            f"A puzzle embedding of {puzzle_width} values is not supported; use 0 or {width}.",
        ),
        (
            puzzle_width == 0 and official.get("puzzle_emb_len", 0) and architecture not in CEILING,
            "Without a prefix, puzzle_emb_ndim and puzzle_emb_len must both be 0: the official model cannot run otherwise.",
        ),
        (
            (official.get("rms_norm_eps", RMS_EPSILON), official.get("rope_theta", ROPE_BASE))
            != (RMS_EPSILON, ROPE_BASE),
            f"rms_norm_eps and rope_theta must be {RMS_EPSILON:g} and {ROPE_BASE:g}.",
        ),
    ):
        if wrong:
            raise ForeignCheckpoint(sentence)


def _prefix_tokens(architecture: str, official: Mapping[str, Any]) -> int:
    if official["puzzle_emb_ndim"] == 0:
        return 0
    length: int = 1 if architecture in CEILING else official.get("puzzle_emb_len", DEFAULT_PREFIX)
    return length or 1


def weights_from_official(tensors: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Our state dict from official tensors; raises ForeignCheckpoint naming what is missing or unknown."""
    names = official_names(config)
    given = {strip_prefixes(name): tensor for name, tensor in tensors.items()}
    missing, unknown = sorted(names.keys() - given.keys()), sorted(given.keys() - names.keys())
    if missing or unknown:
        raise ForeignCheckpoint(
            f"These are not the weights of this configuration. Missing: {missing}. Unknown: {unknown}."
        )
    ours = {names[name]: tensor for name, tensor in given.items()}
    if config.latents == "single":
        ours["y_init"] = ours["z_init"]  # one state: our model keeps it under both names
    elif config.latents == "none":
        ours["z_init"] = torch.zeros_like(ours["y_init"])  # no latent: never looked at
    elif config.latents == "multi_scale":
        ours["z_init"] = torch.stack([ours.pop(f"z_init.{i}") for i in range(SCALES)])
    if config.prefix_tokens == 0:
        ours["puzzle_embedding"] = ours["y_init"].new_zeros(0, config.hidden_size)
    return ours
