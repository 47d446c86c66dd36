"""Nothing between two reports waits for the device: shown without a GPU on torch's `meta` device.

Its tensors have no values. Reading one, or mixing them with tensors of the host, is an error there, as it is a wait or an error on a
GPU: what passes here keeps to its device. What the host is told by copies that it does not wait for is given by the test.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.bench.official import Official, OfficialTrainer, Shape
from trm.config.overrides import resolve
from trm.config.run import RunConfig
from trm.data.splits import Splits
from trm.puzzles.datasets.datasets import load
from trm.solving import slots
from trm.solving.slots import Slots
from trm.training import lane
from trm.training.trainer import Trainer

META = torch.device("meta")
pytestmark = pytest.mark.training
RECIPES: list[dict[str, Any]] = [
    {},
    {"train.optimizer": "muon", "train.gradient_clip": 1.0},
    {"train.optimizer": "adamw", "train.ema_decay": None},
    {"train.halt_rule": "halt_over_continue", "train.step_discount": 0.7, "train.label_smoothing": 0.1},
    {"train.gradient_checkpointing": True, "train.loss": "softmax"},
    {"model.mixer": "attention", "model.networks": "separate", "model.gradient_steps": 1},
    {"model.prefix_tokens": 0, "model.experts": 4, "model.inertia": 0.05},
    {"model.hypotheses": 3, "model.tied_embeddings": True},
    {"model.latents": "multi_scale", "model.random_start": True},
    {"model.latents": "single", "model.feed_forward": "normed_swiglu"},
]


class OfTheHost(torch.Generator):
    """Random numbers for a device that draws none."""

    def __new__(cls, _device: object = None) -> "OfTheHost":
        return super().__new__(cls)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch offers for GPUs only, for this device."""
    monkeypatch.setattr(torch, "Generator", OfTheHost)
    monkeypatch.setattr(Tensor, "pin_memory", lambda self: self)
    for module in (lane, slots):
        monkeypatch.setattr(module, "host_copy", told)


def told(tensor: Tensor) -> Callable[[], Tensor]:
    """Every other slot has halted; every answer is 1."""
    assert tensor.device == META
    return lambda: (
        torch.ones(tensor.shape, dtype=tensor.dtype)
        * (torch.arange(len(tensor)) % 2 == 0).view(-1, *[1] * (tensor.dim() - 1))
    )


def recipe(changes: dict[str, Any]) -> RunConfig:
    small = {"train.batch_size": 4, "model.hidden_size": 32, "model.heads": 2, "model.prefix_tokens": 2}
    return resolve("sudoku-4x4", load("sudoku-4x4", "test").spec, small | changes)


@pytest.fixture
def puzzles() -> Splits:
    some = load("sudoku-4x4", "test").take(8)
    return Splits(some, None, some)


@pytest.mark.parametrize("changes", RECIPES, ids=str)
def test_an_update_reads_nothing_from_the_device(changes: dict[str, Any], puzzles: Splits) -> None:
    training = Trainer(recipe(changes), puzzles, META)
    for _ in range(3):
        training.update()
    state = training.state
    tensors = {**dict(state.model.named_parameters()), **state.carry.tensors(), **state.window.tensors()}
    assert {name for name, tensor in tensors.items() if tensor.device != META} == set()
    with pytest.raises(RuntimeError, match="meta"):
        state.window.report(state.step, 0.0, 0.0, 0.0)  # a report is what waits


def test_a_solver_step_reads_nothing_but_its_results(puzzles: Splits) -> None:
    model = Trainer(recipe({}), puzzles, META).state.model.eval()
    chains = Slots(model, 4, torch.float32)
    chains.enter(puzzles.test.questions[:3])
    for _ in range(2):
        collect = chains.launch()
        output = collect()
        assert output.halt_probability.tolist() == [1, 0, 1]
    chains.keep(np.array([True, False, True]))
    chains.enter(puzzles.test.questions[3:5])
    assert chains.launch()().steps.tolist() == [3, 3, 1, 1]
    assert {t.device for t in (chains.y, chains.z, chains.inputs, chains.puzzle_rows)} == {META}


def test_the_baseline_of_the_bench_keeps_to_its_device_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    distinct = lambda ids, return_inverse: (ids[:1], torch.zeros_like(ids))  # noqa: E731  how many there are is a value
    monkeypatch.setattr(torch, "unique", distinct)
    network = Official(Shape(cells=9, vocabulary=5, prefix=2, width=32, n=2, T=2), torch.bfloat16).to(META)
    inputs = torch.ones(8, 9, dtype=torch.int32, device=META)
    training = OfficialTrainer(network, 8)
    with pytest.raises(RuntimeError, match="meta"):  # at its very end, where it reads its metrics
        training.update(inputs, inputs)
    assert training.step == 1
    assert {t.device for t in (*training.carried, training.halted, training.steps, training.inputs)} == {META}
