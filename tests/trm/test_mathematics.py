"""Formulas against the acceptance numbers of the specification, computed from the official code."""

import subprocess
import sys

import pytest
import torch

from trm.config.model import ModelConfig
from trm.config.train import TrainConfig
from trm.network.layers import inner_width, rms_norm, rotary_table, rotate, truncated_normal_
from trm.network.model import TinyRecursiveModel
from trm.puzzles.scoring import IGNORED
from trm.puzzles.spec import PuzzleSpec
from trm.training.ema import ExponentialMovingAverage
from trm.training.losses import cross_entropy, stablemax_log_probability, supervision_loss
from trm.training.optimizers import AdamATan2, sparse_sign_sgd
from trm.training.schedule import learning_rate_factor


def grid(cells: int, vocabulary: int) -> PuzzleSpec:
    return PuzzleSpec(kind="grid", rows=1, cols=1, symbols=("a", "b")).model_copy(
        update={"cols": cells, "symbols": tuple(str(i) for i in range(vocabulary - 1))}
    )


@pytest.mark.parametrize(
    ("changes", "cells", "vocabulary", "parameters"),
    [
        ({}, 81, 11, 5_028_866),
        ({"mixer": "attention"}, 81, 11, 6_828_034),
        ({"mixer": "attention"}, 900, 6, 6_822_914),
        ({}, 900, 6, 18_795_522),
        ({"mixer": "attention"}, 900, 12, 6_829_058),
        ({}, 900, 12, 18_801_666),
        ({"layers": 4}, 81, 11, 10_045_442),
        ({"mixer": "attention", "networks": "separate", "layers": 4, "prefix_tokens": 1}, 81, 11, 27_275_266),
    ],
)
def test_parameter_counts(changes: dict[str, object], cells: int, vocabulary: int, parameters: int) -> None:
    with torch.device("meta"):
        model = TinyRecursiveModel(ModelConfig.model_validate(changes), grid(cells, vocabulary))
    assert model.parameter_count() == parameters


def test_effective_depth_is_the_papers() -> None:
    assert ModelConfig().effective_depth == 42


def test_stablemax() -> None:
    loss = cross_entropy(torch.tensor([[[2.0, -1.0, 0.5, 0.0]]]), torch.tensor([[0]]), "stablemax")
    assert loss.item() == pytest.approx(0.69314718, rel=1e-6)
    loss = cross_entropy(torch.tensor([[[-3.0, -2.0, -1.0, 4.0]]]), torch.tensor([[2]]), "stablemax")
    assert loss.item() == pytest.approx(2.49869997, rel=1e-6)


def test_stablemax_gradient() -> None:
    logits = torch.tensor([2.0, -1.0, 0.5, 0.0], requires_grad=True)
    torch.autograd.backward(-stablemax_log_probability(logits)[0])
    torch.testing.assert_close(logits.grad, torch.tensor([-1 / 6, 1 / 24, 1 / 6, 1 / 6]))


def test_cross_entropy_is_a_mean_over_scored_cells() -> None:
    logits = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[1, 2, 3, IGNORED, IGNORED], [IGNORED] * 5])
    ours = cross_entropy(logits, labels, "softmax")
    torch.testing.assert_close(ours[0], torch.nn.functional.cross_entropy(logits[0, :3], labels[0, :3]))
    assert ours[1] == 0


def test_supervision_loss_parts() -> None:
    logits = torch.eye(3).repeat(2, 1, 1) * 9
    labels = torch.tensor([[0, 1, 2], [0, 1, 1]])
    loss = supervision_loss(logits, torch.tensor([1.0, -1.0]), labels, kind="stablemax", halt_weight=0.5)
    assert loss.right.tolist() == [True, False]
    torch.testing.assert_close(loss.right_cells, torch.tensor([1, 2 / 3]))
    torch.testing.assert_close(loss.total, loss.answer + 0.5 * loss.halting)


def test_truncated_normal_has_the_requested_deviation_and_bound() -> None:
    sample = truncated_normal_(torch.empty(1_000_000), 1.0, torch.Generator().manual_seed(0))
    assert sample.std().item() == pytest.approx(1, abs=2e-3)
    assert sample.abs().max().item() == pytest.approx(2.2736944687, abs=1e-3)


def test_swiglu_widths() -> None:
    assert [inner_width(w, 4) for w in (512, 97, 916, 64, 81)] == [1536, 512, 2560, 256, 256]


def test_rotary_embedding() -> None:
    cos, sin = rotary_table(6, 64, 10_000.0)
    torch.testing.assert_close(cos[5, :3], torch.tensor([0.28366220, -0.82086164, -0.94607925]))
    torch.testing.assert_close(sin[5, :3], torch.tensor([-0.95892429, -0.57112712, 0.32393527]))
    assert cos[5, 32] == cos[5, 0]
    query = (torch.arange(64) / 64).expand(1, 1, 6, 64)
    turned = rotate(query, cos, sin)[0, 0, 5, [0, 1, 32, 33]]
    torch.testing.assert_close(turned, torch.tensor([0.47946215, 0.28166145, 0.14183110, -0.43218064]))


def test_rms_norm() -> None:
    ours = rms_norm(torch.tensor([1.0, 2.0, 3.0, 4.0]), 1e-5)
    torch.testing.assert_close(ours, torch.tensor([0.36514813, 0.73029626, 1.09544444, 1.46059250]))


def test_adam_atan2_trajectory() -> None:
    parameter = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = AdamATan2([parameter], lr=1e-3, weight_decay=0.1)
    for gradient, expected in ((0.5, 0.9989033135), (-0.25, 0.9985352859), (0.1, 0.9981149556)):
        parameter.grad = torch.full((1,), gradient, dtype=torch.float64)
        optimizer.step()
        assert parameter.item() == pytest.approx(expected, abs=1e-10)


def test_adam_atan2_loads_no_compiler() -> None:
    """Which would take seconds of the start of every training that is not compiled."""
    code = """
import sys, torch
from trm.training.optimizers import AdamATan2
parameter = torch.nn.Parameter(torch.ones(1))
parameter.grad = torch.ones(1)
AdamATan2([parameter]).step()
sys.exit("torch._dynamo" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_sparse_sign_sgd_sums_equal_ids_and_leaves_other_rows_alone() -> None:
    table = torch.ones(4, 2)
    gradient = torch.tensor([[1.0, -3.0], [-0.5, 3.0], [2.0, 0.0]])
    sparse_sign_sgd(table, torch.tensor([1, 1, 3]), gradient, learning_rate=0.1, weight_decay=0.5)
    torch.testing.assert_close(table, torch.tensor([[1, 1], [0.85, 0.95], [1, 1], [0.85, 0.95]]))


def test_schedule_warms_up_then_decays_to_its_floor() -> None:
    constant = TrainConfig(steps=100, warmup_steps=10)
    assert [learning_rate_factor(s, constant) for s in (1, 5, 10, 100)] == [0.1, 0.5, 1, 1]
    decaying = TrainConfig(steps=110, warmup_steps=10, min_learning_rate_ratio=0.1)
    assert learning_rate_factor(60, decaying) == pytest.approx(0.55)
    assert learning_rate_factor(110, decaying) == pytest.approx(0.1)


def test_ema_follows_the_weights() -> None:
    layer = torch.nn.Linear(2, 2)
    average = ExponentialMovingAverage(layer, 0.9)
    before = layer.weight.detach().clone()
    with torch.no_grad():
        layer.weight += 1
    average.update()
    torch.testing.assert_close(average.shadow["weight"], before + 0.1)
    torch.testing.assert_close(layer.weight.data, before + 1)
