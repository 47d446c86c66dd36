"""Official TRM and HRM checkpoints, read in their names and turned into ours."""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from trm.config.model import ModelConfig
from trm.errors import ForeignCheckpoint, require
from trm.interop.files import strip_prefixes

PUZZLE_TABLE = "inner.puzzle_emb.weights"
SCALES = 6  # latents of the official multi-scale model, whatever its L_cycles
DEFAULT_PREFIX = 16  # official puzzle_emb_len where a configuration does not state it

# Official name of a layer's part, ours.
MLP_NAMES = {"mlp_t.gate_up_proj": "mixer.mlp.gate_up", "mlp_t.down_proj": "mixer.mlp.down"}
ATTENTION_NAMES = {"self_attn.qkv_proj": "mixer.qkv", "self_attn.o_proj": "mixer.out"}
LAYER_NAMES = {"mlp.gate_up_proj": "mlp.gate_up", "mlp.down_proj": "mlp.down"}
TENSORS = {
    "inner.embed_tokens.embedding_weight": "embedding",
    "inner.lm_head.weight": "answer_head.weight",
    "inner.q_head.weight": "halt_head.weight",
    "inner.q_head.bias": "halt_head.bias",
    "inner.H_init": "y_init",
    "inner.L_init": "z_init",
    PUZZLE_TABLE: "puzzle_embedding",
}


def official_names(config: ModelConfig) -> dict[str, str]:
    """Official tensor name -> ours, for a model of this configuration; one latent of several is "z_init.0"."""
    if config.latents == "none":  # the baseline has the answering network only
        return _name_layers(config, "H_level", config.layers) | _name_others(config)
    names = _name_layers(config, "L_level", config.layers)
    if config.networks == "separate":
        answering = _name_layers(config, "H_level", config.answer_layers or config.layers)
        names |= {name: "answer_" + ours for name, ours in answering.items()}
    return names | _name_others(config)


def _name_layers(config: ModelConfig, network: str, layers: int) -> dict[str, str]:
    mixer = MLP_NAMES if config.mixer == "mlp" else ATTENTION_NAMES
    return {
        f"inner.{network}.layers.{i}.{official}.weight": f"layers.{i}.{ours}.weight"
        for i in range(layers)
        for official, ours in (mixer | LAYER_NAMES).items()
    }


def _name_others(config: ModelConfig) -> dict[str, str]:
    names = dict(TENSORS)
    if config.positions == "learned":
        names["inner.embed_pos.embedding_weight"] = "positions"
    if config.prefix_tokens == 0:
        del names[PUZZLE_TABLE]
    if config.latents == "single":
        del names["inner.H_init"]
    if config.latents in ("multi_scale", "none"):
        del names["inner.L_init"]
    if config.latents == "multi_scale":
        names |= {f"inner.L{i + 1}_init": f"z_init.{i}" for i in range(SCALES)}
    return names


# Official architecture -> what sets it apart from TRM. HRM's own repository and TRM's have one each.
HRM: dict[str, Any] = {"networks": "separate", "gradient_steps": 1}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "trm": {},
    "trm_singlez": {"latents": "single"},
    "trm_hier6": {"latents": "multi_scale"},
    "hrm": HRM,
    "hrm_act_v1": HRM,
    "transformers_baseline": {"latents": "none", "latent_steps": 1, "recursions": 1},
}
BOTH_LEVELS = ("hrm", "hrm_act_v1")
# Their prefix is as long as the puzzle embedding needs: they know no puzzle_emb_len.
CEILING = ("hrm", "hrm_act_v1", "transformers_baseline")
# They know no mlp_t, and stop at other positions than these two.
PLAIN = ("hrm_act_v1", "transformers_baseline")
POSITIONS = {"rope": "rotary", "learned": "learned"}  # any other word means none
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

DEFAULTED = {"rms_norm_eps": "norm_epsilon", "rope_theta": "rotary_base"}  # the official defaults are ours


def config_from_official(official: Mapping[str, Any]) -> ModelConfig:
    """Our model configuration for an official one: its keys, flat, with `arch` as in ARCHITECTURES.

    Raises ForeignCheckpoint for another architecture, a missing key or a value that our model cannot represent.
    """
    architecture = official.get("arch", "trm")
    if architecture not in ARCHITECTURES:
        raise ForeignCheckpoint(f"Architecture {architecture!r} is unknown; known: {', '.join(ARCHITECTURES)}.")
    if architecture == "transformers_baseline":
        official = dict(official) | {"L_cycles": 1, "L_layers": official.get("H_layers")}
    if architecture in PLAIN:
        official = dict(official) | {"mlp_t": False}
    _require_stated(official)
    _require_runnable(architecture, official)
    width, values = official["hidden_size"], official["puzzle_emb_ndim"]
    common: dict[str, Any] = {
        "mixer": "mlp" if official.get("mlp_t") else "attention",
        "positions": _read_positions(official),
        "hidden_size": width,
        "heads": official["num_heads"],
        "layers": official["L_layers"],
        "expansion": official["expansion"],
        "latent_steps": official["L_cycles"],
        "recursions": official["H_cycles"],
        "max_supervision_steps": official["halt_max_steps"],
        "prefix_tokens": _count_prefix_tokens(architecture, official),
        "puzzle_ids": official.get("num_puzzle_identifiers", 1) if values else 1,
        "puzzle_width": values if values not in (0, width) else None,
    }
    common |= {ours: official[key] for key, ours in DEFAULTED.items() if official.get(key) is not None}
    if architecture in BOTH_LEVELS and official["H_layers"] != official["L_layers"]:
        common["answer_layers"] = official["H_layers"]
    if architecture == "trm_hier6" and official["L_cycles"] < SCALES:
        common["scales"] = SCALES
    try:
        return ModelConfig(**common | ARCHITECTURES[architecture])
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))} {e['msg']}".strip() for e in error.errors())
        raise ForeignCheckpoint(f"Our model cannot be built like that: {wrong}.") from error


def _require_stated(official: Mapping[str, Any]) -> None:
    missing = [f"{key} ({ours})" for key, ours in STATED.items() if official.get(key) is None]
    if missing:
        raise ForeignCheckpoint(f"The configuration must state {', '.join(missing)}: weights cannot tell.")


def _require_runnable(architecture: str, official: Mapping[str, Any]) -> None:
    """Raise ForeignCheckpoint for what the official code itself cannot run."""
    positions, values = official["pos_encodings"], official["puzzle_emb_ndim"]
    room = _count_prefix_tokens(architecture, official) * official["hidden_size"]
    require(
        ForeignCheckpoint,
        (architecture in BOTH_LEVELS and official.get("H_layers") is None,
         "The configuration must state H_layers (layers of the network that answers): weights cannot tell."),
        (architecture == "trm_hier6" and official["L_cycles"] > SCALES,
         f"trm_hier6 has {SCALES} latents, each updated once a recursion: L_cycles {official['L_cycles']} is one too many for them."),
        (architecture in PLAIN and positions not in POSITIONS,
         f"{architecture} knows no positions {positions!r}, only {' and '.join(POSITIONS)}."),
        (values > room,
         f"A puzzle embedding of {values} values does not fit a prefix of {room}: give the puzzle_emb_len that it was trained with."),
        (values == 0 and official.get("puzzle_emb_len", 0) and architecture not in CEILING,
         "Without a prefix, puzzle_emb_ndim and puzzle_emb_len must both be 0: the official model cannot run otherwise."),
    )  # fmt: skip


def _read_positions(official: Mapping[str, Any]) -> str:
    """Ours for the official word; token mixing has no use for rotary embeddings, and ours says so by its default."""
    ours = POSITIONS.get(official["pos_encodings"], "none")
    return "rotary" if official.get("mlp_t") and ours == "none" else ours


def _count_prefix_tokens(architecture: str, official: Mapping[str, Any]) -> int:
    values = official["puzzle_emb_ndim"]
    if values == 0:
        return 0
    length: int = 0 if architecture in CEILING else official.get("puzzle_emb_len", DEFAULT_PREFIX)
    return length or -(-values // official["hidden_size"])


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
        ours["y_init"] = ours["z_init"].clone()  # one state: our model keeps it under both names
    elif config.latents == "none":
        ours["z_init"] = torch.zeros_like(ours["y_init"])  # no latent: never looked at
    elif config.latents == "multi_scale":
        ours["z_init"] = torch.stack([ours.pop(f"z_init.{i}") for i in range(SCALES)])
    if config.prefix_tokens == 0:
        ours["puzzle_embedding"] = ours["y_init"].new_zeros(0, config.hidden_size)
    return ours
