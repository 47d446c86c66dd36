"""A tiny model with prescribed weights against numbers computed with the official code (float32, two supervision steps)."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from trm.config.model import ModelConfig
from trm.network.model import StepOutput, TinyRecursiveModel
from trm.puzzles.scoring import IGNORED
from trm.puzzles.spec import PuzzleSpec
from trm.training.losses import supervision_loss


class Expected(NamedTuple):
    losses: tuple[float, float, float]  # total, answer, halting
    halt_logits: tuple[float, float]
    logits: tuple[float, ...]  # of the first cell
    logit_sum: float  # of absolute values


EXPECTED = {
    "mlp": (
        Expected(
            (4.782384, 4.765110, 0.034548),
            (-4.51654, -3.73123),
            (0.73484, -1.12126, 1.32284, -1.30637, 1.07454, -0.66558, 0.14691),
            129.0273,
        ),
        Expected((4.732878, 4.720308, 0.025139), (-4.76227, -4.08828), (0.00490, -0.43547, 0.79426), 106.9416),
    ),
    "attention": (
        Expected(
            (4.517517, 4.501936, 0.031162),
            (-4.62887, -3.83160),
            (0.63652, -0.84240, 0.90941, -0.82651, 0.60737, -0.28810, -0.07866),
            86.3619,
        ),
        Expected((4.580567, 4.566745, 0.027645), (-4.91354, -3.88570), (), 96.4847),
    ),
}
GRADIENT_NORMS = {
    "mlp": (0.218761, 0.781329, 0.038341, 0.008553, 0.082416, 0.932537, 1.158294, 0.023978),
    "attention": (0.274580, 0.829979, 0.040207, 0.007722, 0.670156, 0.433787, 0.653832, 0.003129),
}
STATE_SUMS = {"mlp": (615.079, 614.419), "attention": (577.136, 577.917)}


def wave(tensor: Tensor, amplitude: float, phase: float) -> None:
    """Fill row-major with a sin(0.7 j + phase)."""
    j = torch.arange(tensor.numel(), dtype=torch.float64)
    tensor.copy_((amplitude * torch.sin(0.7 * j + phase)).view(tensor.shape))


def tiny(mixer: str) -> TinyRecursiveModel:
    spec = PuzzleSpec(kind="grid", rows=1, cols=9, symbols=("1", "2", "3", "4", "5", "6"))
    config = ModelConfig.model_validate(
        {"mixer": mixer, "hidden_size": 32, "heads": 4, "prefix_tokens": 2, "puzzle_ids": 2}
    )
    model = TinyRecursiveModel(config, spec)
    with torch.no_grad():
        wave(model.embedding, 0.1, 1)
        wave(model.answer_head.weight, 0.1, 2)
        wave(model.halt_head.weight, 0.1, 3)
        model.halt_head.bias.fill_(-5)
        mixing = ("mixer.mlp.gate_up", "mixer.mlp.down") if mixer == "mlp" else ("mixer.qkv", "mixer.out")
        for number in range(len(model.layers)):
            for place, matrix in enumerate((*mixing, "mlp.gate_up", "mlp.down")):
                wave(model.get_parameter(f"layers.{number}.{matrix}.weight"), 0.1, 10 + 10 * number + place)
        wave(model.y_init, 1, 90)
        wave(model.z_init, 1, 91)
        wave(model.puzzle_embedding, 0.1, 92)
    return model


def data() -> tuple[Tensor, Tensor, Tensor]:
    i, b = torch.arange(9), torch.arange(2).unsqueeze(1)
    inputs, labels = (3 * i + 5 * b) % 6 + 1, (2 * i + b) % 6 + 1
    labels[1, 8] = IGNORED
    return inputs, labels, torch.tensor([1, 0])


def compare(output: StepOutput, labels: Tensor, expected: Expected) -> Tensor:
    loss = supervision_loss(output.logits, output.halt_logit, labels, kind="stablemax", halt_weight=0.5)
    assert (loss.total.item(), loss.answer.item(), loss.halting.item()) == pytest.approx(expected.losses, abs=3e-6)
    assert output.halt_logit.tolist() == pytest.approx(expected.halt_logits, abs=2e-5)
    assert output.logits[0, 0, : len(expected.logits)].tolist() == pytest.approx(expected.logits, abs=2e-5)
    assert output.logits.abs().sum().item() == pytest.approx(expected.logit_sum, abs=5e-4)
    return loss.total


@pytest.mark.parametrize("mixer", ["mlp", "attention"])
def test_a_tiny_model_gives_the_official_numbers(mixer: str) -> None:
    model, (inputs, labels, ids) = tiny(mixer), data()
    rows = model.puzzle_rows(ids).clone().requires_grad_()
    first = model(inputs, rows, *model.initial_state(2, torch.float32))
    torch.autograd.backward(compare(first, labels, EXPECTED[mixer][0]) / 2)
    sums = (first.y.abs().sum().item(), first.z.abs().sum().item())
    assert sums == pytest.approx(STATE_SUMS[mixer], abs=2e-3)
    mixing = "mixer.mlp.gate_up" if mixer == "mlp" else "mixer.qkv"
    tensors = (
        model.embedding,
        model.answer_head.weight,
        model.halt_head.weight,
        model.halt_head.bias,
        model.get_parameter(f"layers.0.{mixing}.weight"),
        model.get_parameter("layers.0.mlp.gate_up.weight"),
        model.get_parameter("layers.1.mlp.down.weight"),
    )
    norms = [t.grad.norm().item() for t in (*tensors, rows) if t.grad is not None]
    assert norms == pytest.approx(GRADIENT_NORMS[mixer], abs=3e-6)
    compare(model(inputs, rows, first.y.detach(), first.z.detach()), labels, EXPECTED[mixer][1])
