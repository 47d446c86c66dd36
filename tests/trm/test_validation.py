"""Validation runs beside the training, and what it finds is what a look at that moment's weights would have found."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from trm.checkpoints.checkpoint import read_meta, read_tensors
from trm.config.run import RunConfig
from trm.data.splits import Splits
from trm.evaluation.accuracy import evaluate
from trm.interface.events import CheckpointSaved, Evaluated, Evaluating, Event, Finished, StepMetrics, Updated
from trm.network.model import TinyRecursiveModel
from trm.training import session as session_module
from trm.training import validation
from trm.training.session import Session
from trm.training.trainer import Trainer
from trm.training.validation import Evaluation, Validation

CPU = torch.device("cpu")


class Gate:
    """Lets evaluations go on when it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = threading.Event()
        monkeypatch.setattr(validation, "evaluate", self._evaluate)

    def _evaluate(self, *args: object, **options: object) -> Evaluated:
        assert self.open.wait(30)
        return evaluate(*args, **options)  # type: ignore[arg-type]

    def slow_down(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let every supervision step of an evaluation take long enough to be seen."""
        note = Evaluation._note

        def slow(self: Evaluation, through: int) -> None:
            note(self, through)
            time.sleep(0.01)

        monkeypatch.setattr(Evaluation, "_note", slow)


def averaged(trainer: Trainer) -> TinyRecursiveModel:
    """A copy of the model with the averaged weights of this moment."""
    model = deepcopy(trainer.state.model).eval()
    model.load_state_dict(trainer.state.averages, strict=False)
    return model


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


@pytest.fixture
def keeping(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"train": config.train.model_copy(update={"keep_best": True})})


def test_updates_go_on_while_it_is_under_way(gate: Gate, config: RunConfig, splits: Splits) -> None:
    steps, told = list[int](), list[int]()
    for event in Session(Trainer(config, splits, CPU)).run():
        if isinstance(event, Updated):
            steps.append(event.step)
            if event.step == 7:  # the one that began at step 4 is still waiting
                gate.open.set()
        if isinstance(event, Evaluated) and event.split == "validation":
            told.append(event.step)
            assert told != [4] or 7 in steps
    assert told == [4, 8]


def test_it_finds_what_the_weights_of_its_moment_are_worth(gate: Gate, config: RunConfig, splits: Splits) -> None:
    trainer = Trainer(config, splits, CPU)
    for event in Session(trainer).run():
        if isinstance(event, Updated) and event.step == 4:
            assert splits.validation is not None
            expected = evaluate(
                averaged(trainer), splits.validation, step=4, split="validation", dtype=torch.float32, batch_size=8
            )
        if isinstance(event, Updated) and event.step == 6:
            gate.open.set()
        if isinstance(event, Evaluated):
            found = event
            break
    assert replace(found, seconds=0) == replace(expected, seconds=0)


def test_a_checkpoint_holds_what_was_being_found_out(
    gate: Gate, keeping: RunConfig, splits: Splits, tmp_path: Path
) -> None:
    due_at_5 = keeping.model_copy(update={"train": keeping.train.model_copy(update={"checkpoint_every": 5})})
    trainer, found, bests = Trainer(due_at_5, splits, CPU), list[Evaluated](), list[dict[str, torch.Tensor]]()
    for event in Session(trainer, out=tmp_path).run():
        if isinstance(event, Updated) and event.step == 7:
            assert list(tmp_path.iterdir()) == []  # it waits for the validation that began at step 4
            gate.open.set()
        if isinstance(event, Evaluated):
            found.append(event)
            bests.append(dict(trainer.state.best.weights))
        if isinstance(event, CheckpointSaved):
            break
    assert found[0].step == 4  # on a slow disk others are found before the checkpoint is written
    meta = read_meta(tmp_path / "step_00000005")
    assert meta.step == 5
    assert meta.metrics["exact_accuracy"] == found[0].exact_accuracy
    assert meta.metrics["best_cell_accuracy"] == found[0].cell_accuracy
    assert meta.progress["best_step"] == 4
    assert "validating" not in meta.progress
    best = read_tensors(tmp_path / "step_00000005", meta, "best")
    assert all(torch.equal(tensor, best[name]) for name, tensor in bests[0].items())
    resumed = Trainer.resume(tmp_path / "step_00000005", splits, CPU)
    assert resumed.state.best.step == 4
    assert resumed.state.unvalidated is None


def test_who_leaves_keeps_the_checkpoint_that_waited_for_it(
    gate: Gate, keeping: RunConfig, splits: Splits, tmp_path: Path
) -> None:
    for event in Session(Trainer(keeping, splits, CPU), out=tmp_path).run():
        if isinstance(event, Updated) and event.step == 6:
            break
    gate.open.set()
    meta = read_meta(tmp_path / "step_00000004")
    assert (meta.step, meta.progress["validating"]) == (4, 4)


def test_what_goes_wrong_in_it_ends_the_training(
    monkeypatch: pytest.MonkeyPatch, config: RunConfig, splits: Splits
) -> None:
    def fails(*_args: object, **_options: object) -> Evaluated:
        raise MemoryError("none left")

    monkeypatch.setattr(validation, "evaluate", fails)
    with pytest.raises(MemoryError, match="none left"):
        list(Session(Trainer(config, splits, CPU)).run())


def test_it_can_be_stopped(config: RunConfig, splits: Splits) -> None:
    trainer = Trainer(config, splits, CPU)
    puzzles = splits.test.select(np.zeros(100_000, dtype=np.int64))  # minutes
    under_way = Validation(
        trainer.state.model, trainer.state.averages, puzzles, config=config, step=0, split="test", dtype=torch.float32
    )
    under_way.stop()
    with pytest.raises(CancelledError):
        under_way.result()


def validations(events: Iterator[Event]) -> dict[int, Evaluated]:
    """What each validation has found, by step."""
    return {e.step: replace(e, seconds=0) for e in events if isinstance(e, Evaluated) and e.split == "validation"}


def test_a_training_that_is_stopped_looks_again_when_it_is_resumed(
    gate: Gate, keeping: RunConfig, splits: Splits, tmp_path: Path
) -> None:
    straight = Trainer(keeping, splits, CPU)
    gate.open.set()
    expected = validations(Session(straight).run())
    gate.open.clear()
    session = Session(Trainer(keeping, splits, CPU), out=tmp_path)
    told = list[Event]()
    for event in session.run():
        told.append(event)
        if isinstance(event, Updated) and event.step == 6:
            session.pace.stop()
    gate.open.set()  # it wakes up, and sees that it was stopped
    assert [(e.name, getattr(e, "step", None)) for e in told[-3:]] == [
        ("updated", 6),
        ("checkpoint", 6),
        ("stopped", 6),
    ]
    meta = read_meta(tmp_path / "step_00000006")
    assert meta.progress["validating"] == 4
    assert "exact_accuracy" not in meta.metrics
    resumed = Trainer.resume(tmp_path / "step_00000006", splits, CPU)
    assert validations(Session(resumed).run()) == expected
    assert resumed.state.best.step == straight.state.best.step
    for name, tensor in straight.state.best.weights.items():
        assert torch.equal(tensor, resumed.state.best.weights[name]), name


def test_it_copies_the_rows_of_its_puzzles_only(config: RunConfig, splits: Splits) -> None:
    config = config.model_copy(update={"model": config.model.model_copy(update={"puzzle_ids": 50})})
    trainer = Trainer(config, splits, CPU)
    table = trainer.state.model.puzzle_embedding.normal_(generator=torch.Generator().manual_seed(0))
    puzzles = replace(splits.test.take(4), puzzle_ids=np.array([40, 3, 40, 7], dtype=np.int64))
    expected = evaluate(averaged(trainer), puzzles, step=0, split="test", dtype=torch.float32, batch_size=8)
    under_way = Validation(
        trainer.state.model, trainer.state.averages, puzzles, config=config, step=0, split="test", dtype=torch.float32
    )
    assert torch.equal(under_way.tensors["puzzle_rows"], table[[3, 7, 40]])
    assert replace(under_way.result(), seconds=0) == replace(expected, seconds=0)


def news(event: Event) -> dict[str, object]:
    """An event without what differs from run to run."""
    return event.as_dict() | {"seconds": 0, "puzzles_per_second": 0, "peak_bytes": 0, "resumed_from": None}


def stopped_and_resumed(
    trainer: Trainer, there: Callable[[Event], bool], splits: Splits, out: Path
) -> tuple[list[Event], list[Event]]:
    """What a training tells until it is stopped at an event, and from there on when it is resumed."""
    first = list[Event]()
    for event in Session(trainer).run():
        first.append(event)
        if there(event):
            break
    saved = trainer.state.save(out)
    return first[:-1], list(Session(Trainer.resume(Path(saved.path), splits, CPU)).run())


@pytest.mark.parametrize("split", ["validation", "test"])
def test_who_waits_for_an_evaluation_sees_how_far_it_is_and_can_stop(
    split: str, gate: Gate, config: RunConfig, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def there(event: Event) -> bool:
        if isinstance(event, Evaluating):
            gate.open.set()  # the first validation has to be waited for
        return isinstance(event, Evaluating) and event.split == split

    gate.open.set()
    train = config.train.model_copy(update={"patience": 1, "steps": 24})
    config = config.model_copy(update={"train": train})
    straight = list(Session(Trainer(config, splits, CPU)).run())
    assert not any(isinstance(event, Evaluating) for event in straight)  # evaluations take no time here
    monkeypatch.setattr(session_module, "TELL_SECONDS", 0)
    gate.open.clear()
    gate.slow_down(monkeypatch)
    first, then = stopped_and_resumed(Trainer(config, splits, CPU), there, splits, tmp_path)
    progress = [e for e in (*first, *then) if isinstance(e, Evaluating)]
    assert all(0 <= event.through < event.n == 16 for event in progress)
    assert {event.split for event in progress} == {"validation", "test"}
    assert max(event.through for event in progress if event.split == "test") == 8  # the second batch
    assert isinstance(then[-1], Finished)
    results = StepMetrics | Evaluated | Finished
    told, expected = ([news(e) for e in events if isinstance(e, results)] for events in ((*first, *then), straight))
    assert told == expected
