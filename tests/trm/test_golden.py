"""Our model computes what the official implementation computed."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from trm.cli import build
from trm.errors import ForeignCheckpoint
from trm.interop.golden import TOLERANCE, cases, compare

GOLDEN = Path(__file__).parents[1] / "golden"
ALL = {"hrm", "trm-attention", "trm-mlp", "trm-multi-scale", "trm-single-feature"}


def test_every_recorded_case_is_compared() -> None:
    assert {path.stem for path in cases(GOLDEN)} == ALL


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_case_is_within_tolerance(name: str, dtype: torch.dtype) -> None:
    comparisons = compare(GOLDEN / f"{name}.json", dtype)
    quantities = {c.quantity for c in comparisons}
    assert {"eval logits", "eval q_halt_logits", "eval z_L", "eval loss"} <= quantities
    assert ("train gradients" in quantities) == (name != "hrm")
    assert {c.quantity: c.error for c in comparisons if not c.passed} == {}


def test_command_fails_on_a_changed_weight(tmp_path: Path) -> None:
    for suffix in (".json", ".safetensors"):
        shutil.copy(GOLDEN / f"trm-mlp{suffix}", tmp_path)
    assert CliRunner().invoke(build(), ["golden", str(tmp_path)]).exit_code == 0
    tensors = load_file(tmp_path / "trm-mlp.safetensors")
    tensors["weights/inner.lm_head.weight"] *= 1 + 10 * TOLERANCE
    save_file(tensors, tmp_path / "trm-mlp.safetensors")
    assert CliRunner().invoke(build(), ["golden", str(tmp_path)]).exit_code == 1


def test_recorded_tensors_that_are_not_finite_are_no_case(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "trm-mlp.json", tmp_path)
    tensors = load_file(GOLDEN / "trm-mlp.safetensors")
    tensors["weights/inner.lm_head.weight"][0, 0] = float("nan")
    save_file(tensors, tmp_path / "trm-mlp.safetensors")
    with pytest.raises(ForeignCheckpoint, match=r"weights/inner\.lm_head\.weight .* infinite or not a number"):
        compare(tmp_path / "trm-mlp.json", torch.float32)


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ForeignCheckpoint, match="no golden case"):
        cases(tmp_path)
