"""The trainer as its caller sees it: events in order, exact resume, learning."""

from pathlib import Path
from typing import Any

import pytest
import torch

from trm.config import RunConfig
from trm.errors import ConfigError, NonFiniteLoss
from trm.events import CheckpointDue, Evaluated, Event, Finished, Started, StepMetrics, Updated
from trm.puzzles.datasets import PuzzleSet, load
from trm.supervision import Carry, halts
from trm.trainer import Trainer

CPU = torch.device("cpu")
CLOCKED = ("seconds", "puzzles_per_second")


def news(events: list[Event]) -> list[dict[str, Any]]:
    """What the events say, wall-clock fields left out."""
    kept = [e for e in events if isinstance(e, StepMetrics | Evaluated)]
    return [{k: v for k, v in e.as_dict().items() if k not in CLOCKED} for e in kept]


def test_events_come_in_order(trainer: Trainer) -> None:
    events = list(trainer)
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert [e.step for e in events if isinstance(e, Updated)] == list(range(1, 9))
    assert [e.step for e in events if isinstance(e, StepMetrics)] == [3, 6, 8]
    assert [e.step for e in events if isinstance(e, Evaluated)] == [4, 8]
    assert [e.step for e in events if isinstance(e, CheckpointDue)] == [4, 8]


def test_step_metrics_account_for_every_slot(trainer: Trainer) -> None:
    metrics = [e for e in trainer if isinstance(e, StepMetrics)]
    assert [sum(m.slots) for m in metrics] == [3 * 8, 3 * 8, 2 * 8]
    assert metrics[0].slots[0] >= 8  # every slot began in the window
    for m in metrics:
        for seen, *shares in zip(m.slots, m.halted, m.halt_probability, m.step_exact_accuracy, strict=True):
            assert all((share is None) == (seen == 0) for share in shares)
        finished = sum(seen * (share or 0) for seen, share in zip(m.slots, m.halted, strict=True))
        assert round(finished) == m.puzzles_finished


@pytest.mark.parametrize("stop_at", [2, 5])
def test_resuming_is_bit_identical(
    stop_at: int, config: RunConfig, train_set: PuzzleSet, test_set: PuzzleSet, tmp_path: Path
) -> None:
    straight = Trainer(config, train_set, test_set, CPU)
    expected = news(list(straight))
    first, before = Trainer(config, train_set, test_set, CPU), []
    for event in first:
        before.append(event)
        if isinstance(event, Updated) and event.step == stop_at:
            saved = first.save(tmp_path)
            break
    second = Trainer.resume(Path(saved.path), train_set, test_set, CPU)
    after = list(second)
    assert isinstance(after[0], Started)
    assert after[0].resumed_from == stop_at
    assert news(before) + news(after) == expected
    for name, tensor in straight.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name
    for name, tensor in straight.ema.shadow.items():  # type: ignore[union-attr]
        assert torch.equal(tensor, second.ema.shadow[name]), name  # type: ignore[union-attr]


def test_puzzle_embedding_learns_by_sign(trainer: Trainer) -> None:
    trainer.update()
    rate = trainer.config.train.puzzle_learning_rate / trainer.config.train.warmup_steps
    torch.testing.assert_close(trainer.model.puzzle_embedding.abs(), torch.full((1, 16), rate))


def test_training_learns(config: RunConfig, train_set: PuzzleSet, test_set: PuzzleSet) -> None:
    longer = config.model_copy(update={"train": config.train.model_copy(update={"steps": 60, "log_every": 20})})
    losses = [e.lm_loss for e in Trainer(longer, train_set, test_set, CPU) if isinstance(e, StepMetrics)]
    assert losses[-1] < losses[0]


def test_a_loss_that_is_not_finite_is_an_error(trainer: Trainer) -> None:
    trainer.model.embedding.data.fill_(float("nan"))
    with pytest.raises(NonFiniteLoss, match=r"at step 3"):
        list(trainer)


def test_puzzles_of_another_shape_are_refused(config: RunConfig, test_set: PuzzleSet) -> None:
    with pytest.raises(ConfigError):
        Trainer(config, load("sudoku-6x6", "train"), test_set, CPU)


def test_halting_follows_the_logit_and_the_last_step(config: RunConfig) -> None:
    logit, steps = torch.tensor([1.0, -1.0, -1.0]), torch.tensor([1, 1, 4])
    assert halts(config.model, logit, steps, 0.0, torch.Generator()).tolist() == [True, False, True]


def test_exploration_delays_halting_but_not_the_last_step(config: RunConfig) -> None:
    generator, slots = torch.Generator().manual_seed(0), 4000
    early = halts(config.model, torch.ones(slots), torch.ones(slots), 0.1, generator)
    assert early.float().mean().item() == pytest.approx(0.9, abs=0.02)
    assert halts(config.model, torch.ones(slots), torch.full((slots,), 4), 1.0, generator).all()


def test_only_halted_slots_take_new_puzzles(trainer: Trainer) -> None:
    trainer.update()
    trainer.carry.halted = torch.tensor([True] + [False] * 7)
    kept, steps = trainer.carry.inputs[1:].clone(), trainer.carry.steps.clone()
    position = trainer.feed.position
    trainer.update()
    assert torch.equal(trainer.carry.inputs[1:], kept)
    assert trainer.carry.steps.tolist() == [1, *(steps[1:] + 1).tolist()]
    assert trainer.feed.position == position + 1


def test_an_empty_carry_is_all_halted(trainer: Trainer) -> None:
    carry = Carry.empty(trainer.model, 3, 16, torch.float32)
    assert carry.halted.all()
    assert carry.y.shape == (3, 17, 16)
