"""The trainer as its caller sees it: events in order, exact resume, learning."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from trm.cli import build
from trm.config.ablations import ABLATIONS
from trm.config.overrides import resolve
from trm.config.run import RunConfig
from trm.data.splits import Splits, load_splits
from trm.errors import ConfigError, NonFiniteLoss
from trm.interface.events import CheckpointSaved, Evaluated, Event, Finished, Started, StepMetrics, Updated
from trm.network.model import TinyRecursiveModel
from trm.puzzles.datasets.datasets import load, save_dataset, spec_of
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.symmetries.symmetry import random_symmetry
from trm.solving.solver import Solver
from trm.training.carry import Carry, draw_exploration, halts
from trm.training.session import Session
from trm.training.trainer import Trainer

CPU = torch.device("cpu")
CLOCKED = ("seconds", "puzzles_per_second")


def changed(config: RunConfig, changes: dict[str, Any]) -> RunConfig:
    """The configuration with dotted settings replaced."""
    sections = config.model_dump()
    for key, value in changes.items():
        section, field = key.split(".")
        sections[section][field] = value
    return RunConfig.model_validate(sections)


def run(trainer: Trainer, out: Path | None = None) -> list[Event]:
    """All events of a training."""
    return list(Session(trainer, out=out).run())


def news(events: list[Event]) -> list[dict[str, Any]]:
    """What the events say by step, wall-clock fields left out; a validation is told when it is done, not always at one place."""
    kept = sorted((e for e in events if isinstance(e, StepMetrics | Evaluated)), key=lambda e: (e.step, e.name))
    return [{k: v for k, v in e.as_dict().items() if k not in CLOCKED} for e in kept]


def test_events_come_in_order(trainer: Trainer, tmp_path: Path) -> None:
    events = run(trainer, tmp_path)
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert [e.step for e in events if isinstance(e, Updated)] == list(range(1, 9))
    assert [e.step for e in events if isinstance(e, StepMetrics)] == [3, 6, 8]
    evaluations = [(e.split, e.step) for e in events if isinstance(e, Evaluated)]
    assert evaluations == [("validation", 4), ("validation", 8), ("test", 8)]
    assert [e.step for e in events if isinstance(e, CheckpointSaved)] == [4, 8]


def test_step_metrics_account_for_every_slot(trainer: Trainer) -> None:
    metrics = [e for e in run(trainer) if isinstance(e, StepMetrics)]
    assert [sum(m.slots) for m in metrics] == [3 * 8, 3 * 8, 2 * 8]
    assert metrics[0].slots[0] >= 8  # every slot began in the window
    for m in metrics:
        for seen, *shares in zip(m.slots, m.halted, m.halt_probability, m.step_exact_accuracy, strict=True):
            assert all((share is None) == (seen == 0) for share in shares)
        finished = sum(seen * (share or 0) for seen, share in zip(m.slots, m.halted, strict=True))
        assert round(finished) == m.puzzles_finished


@pytest.mark.parametrize(
    ("stop_at", "changes"),
    [
        (2, {}),
        (5, {"train.keep_best": True, "train.patience": 3}),
        (5, {"train.optimizer": "muon", "model.update_noise": 0.01, "model.random_start": True}),
        (5, {"model.hypotheses": 3, "train.depth_curriculum": [{"until": 0.7, "recursions": 1, "latent_steps": 1}]}),
    ],
)
def test_resuming_is_bit_identical(
    stop_at: int, changes: dict[str, Any], config: RunConfig, splits: Splits, tmp_path: Path
) -> None:
    config = changed(config, changes)
    straight = Trainer(config, splits, CPU)
    expected = news(run(straight))
    first, before = Trainer(config, splits, CPU), []
    for event in Session(first).run():
        before.append(event)
        if isinstance(event, Updated) and event.step == stop_at:
            saved = first.state.save(tmp_path)
            break
    second = Trainer.resume(Path(saved.path), splits, CPU)
    after = run(second)
    assert isinstance(after[0], Started)
    assert after[0].resumed_from == stop_at
    assert news(before + after) == expected
    for name, tensor in straight.state.model.state_dict().items():
        assert torch.equal(tensor, second.state.model.state_dict()[name]), name
    for name, tensor in straight.state.ema.shadow.items():  # type: ignore[union-attr]
        assert torch.equal(tensor, second.state.ema.shadow[name]), name  # type: ignore[union-attr]


def test_threads_add_up_the_same_sums_every_time(splits: Splits) -> None:
    """The demo's recipe is wide enough to be shared among threads; the tiny one is not."""
    recipe = resolve("sudoku-4x4", spec_of("sudoku-4x4"), {}, "sudoku-4x4")
    first, second = (Trainer(recipe, splits, torch.device("cpu")) for _ in range(2))
    for _ in range(5):
        first.update()
        second.update()
    for name, tensor in first.state.model.named_parameters():
        assert torch.equal(dict(second.state.model.named_parameters())[name], tensor), name


def test_puzzle_embedding_learns_by_sign(trainer: Trainer) -> None:
    trainer.update()
    rate = trainer.config.train.puzzle_learning_rate / trainer.config.train.warmup_steps
    torch.testing.assert_close(trainer.state.model.puzzle_embedding.abs(), torch.full((1, 16), rate))


def test_training_learns(config: RunConfig, splits: Splits) -> None:
    longer = config.model_copy(update={"train": config.train.model_copy(update={"steps": 60, "log_every": 20})})
    losses = [e.lm_loss for e in run(Trainer(longer, splits, CPU)) if isinstance(e, StepMetrics)]
    assert losses[-1] < losses[0]


def test_a_loss_that_is_not_finite_is_an_error(trainer: Trainer) -> None:
    trainer.state.model.embedding.data.fill_(float("nan"))
    with pytest.raises(NonFiniteLoss, match=r"at step 1; .* embedding"):
        run(trainer)


def test_a_broken_state_is_never_saved(trainer: Trainer, tmp_path: Path) -> None:
    run(trainer)
    trainer.state.window.bad_step += 7  # as on a GPU, where the loss is looked at later
    with pytest.raises(NonFiniteLoss, match=r"at step 7"):
        trainer.state.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_puzzles_of_another_shape_are_refused(config: RunConfig) -> None:
    other = load("sudoku-6x6", "test")
    with pytest.raises(ConfigError):
        Trainer(config, Splits(other, None, other), CPU)


def test_halting_follows_the_wish_and_the_last_step() -> None:
    wants_to, steps = torch.tensor([True, False, False, True]), torch.tensor([1, 1, 4, 2])
    assert halts(4, wants_to, steps, torch.tensor([0, 0, 0, 3])).tolist() == [True, False, True, False]


def test_exploration_delays_halting_for_some_slots() -> None:
    drawn = draw_exploration(4000, 4, 0.1, torch.Generator().manual_seed(0))
    assert (drawn == 0).float().mean().item() == pytest.approx(0.9, abs=0.02)
    assert set(drawn.tolist()) == {0, 2, 3, 4}
    assert not draw_exploration(9, 1, 1.0, torch.Generator()).any()


def test_only_halted_slots_take_new_puzzles(trainer: Trainer) -> None:
    trainer.update()
    trainer.state.carry.halted.copy_(torch.tensor([True] + [False] * 7))
    kept, steps = trainer.state.carry.inputs[1:].clone(), trainer.state.carry.steps.clone()
    position = trainer.state.feed.position
    trainer.update()
    assert torch.equal(trainer.state.carry.inputs[1:], kept)
    assert trainer.state.carry.steps.tolist() == [1, *(steps[1:] + 1).tolist()]
    assert trainer.state.feed.position == position + 1


def test_an_empty_carry_is_all_halted(trainer: Trainer) -> None:
    carry = Carry.empty(trainer.state.model, 3, 16, torch.float32)
    assert carry.halted.all()
    assert carry.y.shape == (3, 17, 16)


def test_the_average_stops_when_training_stops(config: RunConfig, splits: Splits) -> None:
    trainer = Trainer(config, splits, CPU)
    for event in Session(trainer).run():
        if isinstance(event, Updated) and event.step == 8:
            shadow = {name: tensor.clone() for name, tensor in trainer.state.ema.shadow.items()}  # type: ignore[union-attr]
    assert run(trainer)[1:] == [] or isinstance(run(trainer)[-1], Finished)
    assert all(torch.equal(tensor, trainer.state.ema.shadow[name]) for name, tensor in shadow.items())  # type: ignore[union-attr]


def test_the_best_weights_are_tested_and_shipped(config: RunConfig, splits: Splits, tmp_path: Path) -> None:
    trainer = Trainer(changed(config, {"train.keep_best": True}), splits, CPU)
    for event in Session(trainer).run():
        if isinstance(event, Evaluated) and event.step == 4:
            trainer.state.best.score = (2.0, 2.0)  # nothing later can beat it
            best = {name: tensor.clone() for name, tensor in trainer.state.best.weights.items()}
    saved = trainer.state.save(tmp_path)
    solver = Solver.load(saved.path, "cpu")
    assert trainer.state.best.step == 4
    assert all(torch.equal(tensor, solver.model.state_dict()[name]) for name, tensor in best.items())
    assert any(not torch.equal(tensor, trainer.state.ema.shadow[name]) for name, tensor in best.items())  # type: ignore[union-attr]


def test_patience_ends_a_training_that_no_longer_improves(config: RunConfig, splits: Splits) -> None:
    trainer = Trainer(changed(config, {"train.patience": 1, "train.steps": 40}), splits, CPU)
    trainer.state.best.score = (2.0, 2.0)
    events = run(trainer)
    assert trainer.state.step == 4
    assert [e.split for e in events if isinstance(e, Evaluated)] == ["validation", "test"]
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize("name", [*ABLATIONS])
def test_every_ablation_trains_and_solves(name: str, config: RunConfig, splits: Splits, tmp_path: Path) -> None:
    base = changed(config, {"model.latent_steps": 3, "train.steps": 3, "train.test_puzzles": 8})
    trainer = Trainer(changed(base, ABLATIONS[name].changes(base.model)), splits, CPU)
    events = run(trainer)
    assert isinstance(events[-1], Finished)
    weights = {n: p.detach().clone() for n, p in trainer.state.model.named_parameters()}
    fresh = TinyRecursiveModel(trainer.config.model, splits.spec)
    fresh.initialise(torch.Generator().manual_seed(0))
    still = [n for n, p in fresh.named_parameters() if torch.equal(p, weights[n]) and n != "halt_head.weight"]
    assert still == []  # every weight was trained
    [solution] = Solver.load(trainer.state.save(tmp_path).path, "cpu").solve_tokens(splits.test.questions[:1])
    assert solution.steps == trainer.config.model.max_supervision_steps


def test_a_validation_split_is_held_out_where_there_is_none(config: RunConfig, tmp_path: Path) -> None:
    save_dataset(tmp_path / "own", "own", {s: load("sudoku-4x4", s).take(100) for s in ("train", "test")})
    found = load_splits(tmp_path / "own", config)
    assert found.validation is not None
    rows = {q.tobytes() for q in found.validation.questions}
    assert rows.isdisjoint(q.tobytes() for q in found.train.questions)  # type: ignore[union-attr]
    assert len(rows) + found.train_puzzles == 100


def test_test_puzzles_seen_in_training_are_counted(config: RunConfig, splits: Splits) -> None:
    train = splits.train
    assert isinstance(train, PuzzleSet)
    symmetry = random_symmetry(splits.spec, np.random.default_rng(0))
    turned = replace(
        train.take(3), questions=symmetry.apply(train.questions[:3]), answers=symmetry.apply(train.answers[:3])
    )
    started = next(Session(Trainer(config, Splits(train, None, turned), CPU)).run())
    assert isinstance(started, Started)
    assert started.overlap == 3
    assert splits.overlap == 0


def test_the_command_resumes_with_what_the_checkpoint_recorded(config: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(config.model_dump_json())
    train = ["train", "--events", "--device", "cpu", "--out", str(tmp_path)]
    assert CliRunner().invoke(build(), [*train, "--config", str(tmp_path / "run.json")]).exit_code == 0
    outcome = CliRunner().invoke(build(), [*train, "--resume", str(tmp_path / "step_00000004")], catch_exceptions=False)
    events = [json.loads(line) for line in outcome.stdout.splitlines()]
    assert (events[0]["resumed_from"], events[0]["total_steps"]) == (4, 8)
    assert (events[-1]["event"], events[-1]["step"]) == ("finished", 8)
