"""Official TRM and HRM checkpoints, read in their names and turned into ours."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from trm.config import ModelConfig
from trm.errors import ForeignCheckpoint

PREFIXES = ("_orig_mod.", "model.")  # what torch.compile and the official loss wrapper put before every name

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
    """Official tensor name -> ours, for a model of this configuration."""
    mixer = MLP_NAMES if config.mixer == "mlp" else ATTENTION_NAMES
    names = {
        f"{official.format(i=i)}.weight": f"{ours.format(i=i)}.weight"
        for i in range(config.layers)
        for official, ours in (mixer | LAYER_NAMES).items()
    }
    if config.networks == "separate":
        names |= {o.replace("L_level", "H_level"): "answer_" + ours for o, ours in names.items()}
    names |= TENSORS
    if config.prefix_tokens == 0:
        del names["inner.puzzle_emb.weights"]
    if config.latents == "single":
        del names["inner.H_init"]
    return names


def config_from_official(official: Mapping[str, Any]) -> ModelConfig:
    """Our model configuration for an official one (its YAML or JSON keys); raises ForeignCheckpoint for another architecture."""
    architecture = official.get("arch", "trm")
    if architecture not in ("trm", "trm_singlez", "hrm"):
        raise ForeignCheckpoint(f"Architecture {architecture!r} is unknown; known: trm, trm_singlez, hrm.")
    hierarchical = architecture == "hrm"
    if hierarchical and official["H_layers"] != official["L_layers"]:
        raise ForeignCheckpoint("Both networks of an HRM must have the same number of layers (H_layers, L_layers).")
    mlp, positions, width = bool(official.get("mlp_t")), official["pos_encodings"], official["hidden_size"]
    if positions != ("none" if mlp else "rope"):
        raise ForeignCheckpoint(
            f"Positions {positions!r} do not go with mlp_t={mlp}; known: mlp_t with none, attention with rope."
        )
    if official["puzzle_emb_ndim"] not in (0, width):
        raise ForeignCheckpoint(
            f"A puzzle embedding of {official['puzzle_emb_ndim']} values is not supported; use 0 or {width}."
        )
    return ModelConfig(
        mixer="mlp" if mlp else "attention",
        latents="single" if architecture == "trm_singlez" else "answer_and_latent",
        networks="separate" if hierarchical else "shared",
        gradient_steps=1 if hierarchical else None,
        hidden_size=width,
        heads=official["num_heads"],
        layers=official["L_layers"],
        expansion=official["expansion"],
        latent_steps=official["L_cycles"],
        recursions=official["H_cycles"],
        max_supervision_steps=official["halt_max_steps"],
        prefix_tokens=(official.get("puzzle_emb_len") or 1) if official["puzzle_emb_ndim"] else 0,
        puzzle_ids=official["num_puzzle_identifiers"],
    )


def strip_prefixes(name: str) -> str:
    """The official name without what wrappers put before it."""
    while name.startswith(PREFIXES):
        name = name.removeprefix(PREFIXES[0]).removeprefix(PREFIXES[1])
    return name


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
    return ours
