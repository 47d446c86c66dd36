"""Puzzles with unknown answers: they are solved, and neither right nor wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from trm.checkpoints.checkpoint import newest, read_meta
from trm.cli import build
from trm.config.run import RunConfig
from trm.data.splits import Splits
from trm.errors import CorruptCheckpoint, DatasetError
from trm.evaluation.accuracy import evaluate
from trm.evaluation.measure import measure
from trm.interface.events import Evaluated
from trm.json_text import from_json, to_json
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.scoring import PADDING
from trm.solving.solver import Solver
from trm.training.best import Best
from trm.training.session import Session
from trm.training.trainer import Trainer

CPU = torch.device("cpu")
TINY = [
    *("train.steps=2", "train.batch_size=2", "train.arc_variants=2", "model.hidden_size=16", "model.heads=1"),
    *("model.layers=1", "model.latent_steps=1", "model.recursions=1", "model.max_supervision_steps=2"),
]  # fmt: skip
GRID = [[1, 2], [3, 4]]
UNANSWERED = {"abc": {"train": [{"input": GRID, "output": GRID}] * 2, "test": [{"input": GRID}]}}


def forgotten(puzzles: PuzzleSet, known: int) -> PuzzleSet:
    """The same puzzles, of which only the first `known` have an answer."""
    answers = puzzles.answers.copy()
    answers[known:] = PADDING
    return PuzzleSet(puzzles.spec, puzzles.questions, answers)


def evaluated(trainer: Trainer, puzzles: PuzzleSet) -> Evaluated:
    return evaluate(trainer.state.model, puzzles, step=0, split="test", dtype=torch.float32, batch_size=8)


def test_a_mean_is_over_what_has_an_answer(trainer: Trainer, test_set: PuzzleSet) -> None:
    some, alone = evaluated(trainer, forgotten(test_set, 1)), evaluated(trainer, test_set.take(1))
    assert (some.n, some.exact_accuracy, some.cell_accuracy) == (1, alone.exact_accuracy, alone.cell_accuracy)
    assert some.exact_accuracy == 0  # one wrong and fifteen unanswered were 94 %
    assert (some.halt_accuracy, some.step_exact_accuracy) == (alone.halt_accuracy, alone.step_exact_accuracy)


def test_a_mean_of_nothing_is_null(trainer: Trainer, test_set: PuzzleSet) -> None:
    none = evaluated(trainer, forgotten(test_set, 0))
    assert (none.n, none.exact_accuracy, none.cell_accuracy, none.halt_accuracy) == (0, None, None, None)
    assert none.step_exact_accuracy == [None] * 4
    assert len(none.halt_probability) == 4
    assert json.loads(none.as_json())["exact_accuracy"] is None


def test_a_training_without_test_answers_is_finished_and_saved(
    config: RunConfig, splits: Splits, test_set: PuzzleSet, tmp_path: Path
) -> None:
    config = config.model_copy(update={"train": config.train.model_copy(update={"keep_best": True})})
    unanswered = forgotten(test_set, 0)
    trainer = Trainer(config, Splits(splits.train, unanswered, unanswered), CPU)
    told = list(Session(trainer).run())
    assert [event.exact_accuracy for event in told if isinstance(event, Evaluated)] == [None] * 3
    assert (trainer.state.best.score, trainer.state.best.weights) == (None, {})
    assert trainer.state.save(tmp_path).metrics["test_exact_accuracy"] is None


def test_a_model_card_needs_answers(trainer: Trainer, config: RunConfig, test_set: PuzzleSet) -> None:
    solver = Solver(trainer.state.model, config, CPU)
    with pytest.raises(DatasetError, match="no answers to compare with"):
        measure(solver, forgotten(test_set, 0), dataset="mine", split="test")
    assert measure(solver, forgotten(test_set, 2), dataset="mine", split="test").exact.n == 2


def test_the_command_line_on_tasks_without_answers(tmp_path: Path) -> None:
    tasks, out = tmp_path / "t_challenges.json", tmp_path / "out"
    tasks.write_text(json.dumps(UNANSWERED))
    options = [part for setting in TINY for part in ("--set", setting)]
    asked = ["train", "--preset", "arc-1", "--data", str(tasks), "--out", str(out), "--device", "cpu", *options]
    told = CliRunner().invoke(build(), [*asked, "--events"])
    assert told.exit_code == 0, told.output
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert (events[-1]["event"], events[-1]["exact_accuracy"]) == ("finished", None)
    assert "NaN" not in (newest(out) / "meta.json").read_text()
    asked[asked.index(str(out))] = str(tmp_path / "again")
    assert "no answers to compare with" in CliRunner().invoke(build(), asked).stdout
    submission = tmp_path / "s.json"
    scored = ["arc", "--checkpoint", str(newest(out)), "--data", str(tasks), "--variants", "2", "--device", "cpu"]
    found = CliRunner().invoke(build(), [*scored, "--submission", str(submission)])
    assert found.exit_code == 0, found.output
    assert "No test pair" in found.stdout
    assert json.loads(submission.read_text()).keys() == {"abc"}


@pytest.mark.slow
def test_what_was_trained_is_saved_when_telling_of_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_event: Evaluated) -> str:
        raise RuntimeError("the pipe is gone")

    monkeypatch.setattr(Evaluated, "as_json", fail)
    options = [part for setting in ("train.steps=4", "train.evaluate_every=2") for part in ("--set", setting)]
    asked = ["train", "--preset", "sudoku-4x4", "--out", str(tmp_path), "--device", "cpu", "--events", *options]
    result = CliRunner().invoke(build(), asked)
    assert isinstance(result.exception, RuntimeError)
    assert read_meta(newest(tmp_path)).step > 0


def test_json_has_no_numbers_that_are_not_finite() -> None:
    document = {"a": [1.5, float("nan")], "b": {"c": float("-inf")}, "d": (None, "NaN")}
    assert json.loads(to_json(document), parse_constant=pytest.fail) == {
        "a": [1.5, None], "b": {"c": None}, "d": [None, "NaN"]
    }  # fmt: skip
    assert from_json('{"a": NaN, "b": [Infinity]}') == {"a": None, "b": [None]}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_no_model(trainer: Trainer, tmp_path: Path, value: float) -> None:
    trainer.state.model.embedding.data[0, 0] = value
    saved = trainer.state.save(tmp_path).path
    if trainer.state.ema is not None:
        trainer.state.ema.shadow["embedding"][0, 0] = value
        saved = trainer.state.save(tmp_path).path
    with pytest.raises(CorruptCheckpoint, match=r"embedding .* infinite or not a number"):
        Solver.load(saved, "cpu")


def test_patience_does_not_count_a_validation_without_answers(config: RunConfig) -> None:
    best = Best(config.train.model_copy(update={"patience": 1}))
    unanswered = Evaluated(
        step=1, split="validation", n=0, seconds=0.1, exact_accuracy=None, cell_accuracy=None, verified=None, halt_accuracy=None,
        mean_supervision_steps=1.0, halted=[], halt_probability=[], step_exact_accuracy=[],
    )  # fmt: skip
    best.offer(unanswered, {})
    best.offer(unanswered, {})
    assert (best.score, best.since, best.is_stale) == (None, 0, False)
