"""Official names in, ours out; anything else is refused by name."""

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from trm.convert import config_from_official, weights_from_official
from trm.errors import ForeignCheckpoint

GOLDEN = Path(__file__).parents[1] / "golden"
OFFICIAL = json.loads((GOLDEN / "trm-mlp.json").read_text())["config"]


def weights() -> dict[str, object]:
    tensors = load_file(GOLDEN / "trm-mlp.safetensors")
    return {k.removeprefix("weights/"): v for k, v in tensors.items() if k.startswith("weights/")}


def test_prefixes_of_published_checkpoints_are_stripped() -> None:
    config, plain = config_from_official(OFFICIAL), weights()
    published = {f"_orig_mod.model.{name}": tensor for name, tensor in plain.items()}
    assert weights_from_official(published, config).keys() == weights_from_official(plain, config).keys()  # type: ignore[arg-type]


def test_missing_and_unknown_tensors_are_named() -> None:
    tensors = weights()
    tensors["inner.surprise"] = tensors.pop("inner.lm_head.weight")
    with pytest.raises(ForeignCheckpoint, match=r"inner\.lm_head\.weight.*inner\.surprise"):
        weights_from_official(tensors, config_from_official(OFFICIAL))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes", [{"arch": "gpt"}, {"pos_encodings": "learned"}, {"puzzle_emb_ndim": 32}, {"arch": "hrm", "H_layers": 4}]
)
def test_other_architectures_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ForeignCheckpoint):
        config_from_official(OFFICIAL | changes)
