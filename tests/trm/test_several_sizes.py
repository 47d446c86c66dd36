"""Trainings on puzzles of several sizes at once: their gradients add up, and they resume bit for bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trm.test_trainer import news, run
from trm.checkpoints.checkpoint import read_meta
from trm.checkpoints.pack import pack, unpack
from trm.config.cost import evaluation_updates, recursion_flops, update_flops
from trm.config.overrides import adjust, resolve
from trm.config.run import RunConfig
from trm.data.splits import Splits, load_splits
from trm.errors import ConfigError, InvalidOverride, NonFiniteLoss
from trm.evaluation.accuracy import evaluate
from trm.puzzles.datasets.datasets import load, spec_of
from trm.training.losses import supervision_loss
from trm.training.trainer import Trainer

CPU = torch.device("cpu")
TINY: dict[str, Any] = {
    "model.hidden_size": 8, "model.latent_steps": 1, "model.recursions": 1, "model.max_supervision_steps": 3,
    "train.steps": 8, "train.batch_size": 4,
    "train.depth_curriculum": [], "train.warmup_steps": 2, "train.reveal": 0.5, "train.hard_share": None, "train.log_every": 3,
    "train.evaluate_every": 4, "train.evaluate_puzzles": 8, "train.test_puzzles": 8, "train.checkpoint_every": 4,
}  # fmt: skip


def tiny(dataset: str = "sudoku-6x6", **more: object) -> RunConfig:
    changes = {key.replace("__", "."): value for key, value in more.items()}
    return resolve("sudoku", spec_of(dataset), TINY | changes, dataset)


@pytest.fixture(scope="module")
def splits() -> Splits:
    found = load_splits("sudoku-6x6", tiny())
    return replace(found, train=load("sudoku-6x6", "train").take(32))


@pytest.fixture
def trainer(splits: Splits) -> Trainer:
    return Trainer(tiny(), splits, CPU)


def gradients(trainer: Trainer) -> dict[str, Tensor]:
    return {name: p.grad.clone() for name, p in trainer.state.model.named_parameters() if p.grad is not None}


def test_the_gradients_of_all_sizes_add_up(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of an update against those of the mean losses, each worked out by itself from what was in the slots."""
    for _ in range(3):  # puzzles at different steps
        trainer.update()
    for lane in trainer.lanes:  # what the update will do first, and find done
        lane.refill()
        lane.carry.halted.zero_()
        lane.look()
    assert [lane.carry.inputs.shape for lane in trainer.lanes] == [(4, 36), (4, 16)]
    expected = {name: torch.zeros_like(p) for name, p in trainer.state.model.named_parameters()}
    for lane in trainer.lanes:
        carry, parameters = lane.carry, dict(lane.model.named_parameters())
        output = lane.model(carry.inputs, lane.step.rows, carry.y, carry.z)
        loss = supervision_loss(output.logits, output.halt_logit, carry.labels, kind="softmax", halt_weight=0.5)
        found = torch.autograd.grad(loss.total / 4, list(parameters.values()))
        assert all(
            gradient.abs().sum() > 0 for name, gradient in zip(parameters, found, strict=True) if "halt" not in name
        )
        for name, gradient in zip(parameters, found, strict=True):
            expected[name] += gradient
    monkeypatch.setattr(trainer, "_apply_gradients", lambda: None)  # which clips them in place
    trainer.update()
    torch.testing.assert_close(gradients(trainer), expected)


def test_every_size_has_the_same_weights(trainer: Trainer) -> None:
    trainer.update()
    first, other = (dict(lane.model.named_parameters()) for lane in trainer.lanes)
    assert first.keys() == other.keys()
    assert all(other[name] is parameter for name, parameter in first.items())


@pytest.mark.parametrize("stop_at", [2, 5])
def test_resuming_is_bit_identical(stop_at: int, splits: Splits, tmp_path: Path) -> None:
    straight = Trainer(tiny(), splits, CPU)
    expected = news(run(straight))
    first = Trainer(tiny(), splits, CPU)
    for _ in range(stop_at):
        first.update()
    second = Trainer.resume(Path(first.state.save(tmp_path).path), splits, CPU)
    assert news(run(second))[-1] == expected[-1]  # the test
    ours, theirs = (trainer.state.snapshot().parts for trainer in (second, straight))
    for stem in ("model", "ema"):
        assert all(torch.equal(tensor, theirs[stem][name]) for name, tensor in ours[stem].items())
    carries = [name for name in theirs["state"] if name.startswith(("carry/", "also/sudoku-4x4/"))]
    assert len(carries) == 14
    assert all(torch.equal(ours["state"][name], theirs["state"][name]) for name in (*carries, "generator"))


def test_one_size_alone_leaves_no_trace(splits: Splits) -> None:
    """The figures of the training are those of its own data set, and without other sizes nothing is drawn for them."""
    alone = Trainer(tiny(train__also=[]), replace(splits, also=()), CPU)
    alone.update()
    assert not [name for name in alone.state.snapshot().parts["state"] if name.startswith("also/")]
    both = Trainer(tiny(), splits, CPU)
    both.update()
    assert torch.equal(both.state.carry.inputs, alone.state.carry.inputs)
    assert torch.equal(both.state.window.sums, alone.state.window.sums)
    assert not torch.equal(both.state.model.embedding, alone.state.model.embedding)


def test_a_checkpoint_of_one_size_goes_on_with_several(splits: Splits, tmp_path: Path) -> None:
    alone = Trainer(tiny(train__also=[]), replace(splits, also=()), CPU)
    alone.update()
    folder = Path(alone.state.save(tmp_path).path)
    more = adjust(read_meta(folder).config, {"train.also": ["sudoku-4x4"]})
    trainer = Trainer.resume(folder, splits, CPU, config=more)
    assert trainer.state.also["sudoku-4x4"].halted.all()
    trainer.update()
    assert trainer.state.step == 2


def test_a_light_pack_leaves_every_carry_out(trainer: Trainer, splits: Splits, tmp_path: Path) -> None:
    trainer.update()
    trainer.update()
    saved = Path(trainer.state.save(tmp_path / "run").path)
    pack(saved, tmp_path / "pack", light=True)
    resumed = Trainer.resume(unpack(tmp_path / "pack", tmp_path / "back"), splits, CPU)
    assert all(carry.halted.all() for carry in resumed.state.carries.values())
    resumed.update()
    assert resumed.state.step == 3


def test_a_loss_of_another_size_that_is_not_finite_is_an_error(trainer: Trainer, tmp_path: Path) -> None:
    trainer.update()
    trainer.state.also["sudoku-4x4"].halted.zero_()
    trainer.state.also["sudoku-4x4"].y.fill_(float("nan"))
    with pytest.raises(NonFiniteLoss, match=r"at step 2; first such tensor: the carried answer y"):
        trainer.update()
    with pytest.raises(NonFiniteLoss):
        trainer.state.save(tmp_path)


@pytest.mark.parametrize(
    ("dataset", "changes", "said"),
    [
        ("sudoku-6x6", {"train.also": ["sudoku-5x5"]}, "of another size: sudoku-4x4, sudoku-extreme-1k, sudoku-hard, sudoku-hard-all"),
        ("sudoku-6x6", {"train.also": ["sudoku-6x6"]}, "of another size"),
        ("sudoku-6x6", {"train.also": ["maze-hard"]}, "of this kind of puzzle"),
        ("sudoku-6x6", {"train.also": ["sudoku-4x4", "sudoku-4x4"]}, "twice"),
        ("maze-hard", {"model.mixer": "neighbours", "train.reveal": 0, "train.also": ["sudoku-4x4"]}, "there is none"),
        ("sudoku-6x6", {"model.mixer": "mlp", "train.also": ["sudoku-4x4"]}, r"mixer=mlp is of one size: set train.also to \[\]"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_together_is_refused(dataset: str, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidOverride, match=said) as refused:
        resolve("sudoku", spec_of(dataset), TINY | changes, dataset)
    assert refused.value.fields == (("train.also",),)


def test_puzzles_that_are_not_those_of_the_configuration_are_refused(splits: Splits) -> None:
    for also in ((), (load("sudoku-6x6", "test"),)):
        with pytest.raises(ConfigError, match=r"train\.also"):
            Trainer(tiny(), replace(splits, also=also), CPU)


def test_a_preset_takes_the_sizes_that_its_data_set_is_not_of() -> None:
    named = {name: resolve("sudoku", spec_of(name), {}, name).train.also for name in ("sudoku-hard-all", "sudoku-4x4")}
    assert named == {"sudoku-hard-all": ("sudoku-4x4", "sudoku-6x6"), "sudoku-4x4": ("sudoku-6x6",)}
    assert resolve("sudoku-1k", spec_of("sudoku-hard")).train.also == ()
    assert resolve("maze", spec_of("maze-hard")).train.also == ()


def test_the_cost_counts_every_size() -> None:
    alone, both = tiny(train__also=[]), tiny()
    share = recursion_flops(both.model, spec_of("sudoku-4x4")) / recursion_flops(both.model, spec_of("sudoku-6x6"))
    assert share == pytest.approx(4**3 / 6**3)
    assert update_flops(both) / update_flops(alone) == pytest.approx(1 + share)
    assert evaluation_updates(alone) == pytest.approx(3 * 1 / (4 * 3))
    assert evaluation_updates(alone) / evaluation_updates(both) == pytest.approx(1 + share)


@pytest.mark.slow
@pytest.mark.training
def test_another_size_is_learnt_beside_the_first() -> None:
    """98.9 % of 4x4 after 120 updates when this was written, where nothing is solved without any."""
    more: dict[str, Any] = {"model__hidden_size": 16, "model__latent_steps": 2, "model__max_supervision_steps": 8}
    config = tiny(train__steps=120, train__batch_size=16, train__reveal=0.3, train__warmup_steps=20, **more)
    trainer = Trainer(config, load_splits("sudoku-6x6", config), CPU)
    four, dtype = load("sudoku-4x4", "validation"), torch.float32

    def share() -> float | None:
        model = trainer.lanes[1].model
        return evaluate(model, four, step=0, split="validation", dtype=dtype, batch_size=100).exact_accuracy

    assert share() == 0
    for _ in range(120):
        trainer.update()
    assert (share() or 0) > 0.9
