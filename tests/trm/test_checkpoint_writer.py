"""Checkpoints written beside the training: what is written is the moment that was asked for, and errors come out."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from trm.checkpoints import checkpoint
from trm.checkpoints.checkpoint import Snapshot, step_folder
from trm.checkpoints.writer import CheckpointWriter
from trm.cli import build
from trm.config.run import RunConfig
from trm.errors import StorageFull
from trm.interface.events import CheckpointSaved
from trm.training.trainer import Trainer

pytestmark = pytest.mark.training


def test_a_checkpoint_holds_its_moment_although_the_training_goes_on(
    trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write, write = threading.Event(), Snapshot.write

    def slow(self: Snapshot, folder: Path) -> CheckpointSaved:
        may_write.wait(10)
        return write(self, folder)

    monkeypatch.setattr(Snapshot, "write", slow)
    trainer.update()
    before = {name: tensor.clone() for name, tensor in trainer.state.model.state_dict().items()}
    with CheckpointWriter() as writer:
        assert writer.begin(trainer.state.snapshot(), step_folder(tmp_path, trainer.state.step)) == []
        trainer.update()
        assert writer.ready() == []  # still under way
        may_write.set()
        [saved] = writer.wait()
        assert isinstance(saved, CheckpointSaved)
        assert (saved.step, writer.ready(), writer.wait()) == (1, [], [])
    meta = checkpoint.verify(Path(saved.path))
    written = checkpoint.read_tensors(Path(saved.path), meta, "model")
    assert all(torch.equal(tensor, before[name]) for name, tensor in written.items())
    assert any(not torch.equal(tensor, written[name]) for name, tensor in trainer.state.model.state_dict().items())


def test_the_next_checkpoint_waits_for_the_one_before(trainer: Trainer, tmp_path: Path) -> None:
    with CheckpointWriter() as writer:
        told = []
        for _ in range(3):
            trainer.update()
            told += writer.begin(trainer.state.snapshot(), step_folder(tmp_path, trainer.state.step))
        told += writer.wait()
    assert [saved.step for saved in told if isinstance(saved, CheckpointSaved)] == [1, 2, 3]


def command(config: RunConfig, folder: Path) -> tuple[int, list[dict[str, Any]]]:
    """Exit status and events of `trm train`."""
    (folder / "run.json").write_text(config.model_dump_json())
    words = ["train", "--events", "--device", "cpu", "--out", str(folder), "--config", str(folder / "run.json")]
    done = CliRunner().invoke(build(), words)
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def fill_disk(monkeypatch: pytest.MonkeyPatch, *steps: int) -> None:
    """Let the checkpoints of these steps find no room."""
    write = Snapshot.write

    def full(self: Snapshot, folder: Path) -> CheckpointSaved:
        if self.step in steps:
            raise StorageFull("No room left.")
        return write(self, folder)

    monkeypatch.setattr(Snapshot, "write", full)


def test_a_training_goes_on_without_a_checkpoint_that_finds_no_room(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch, 4)
    status, told = command(config, tmp_path)
    assert status == 0
    assert [(event["event"], event["step"]) for event in told if "checkpoint" in event["event"]] == [
        ("checkpoint_failed", 4),
        ("checkpoint", 8),
    ]
    assert told[-1]["event"] == "finished"


def test_a_training_does_not_end_without_its_last_checkpoint(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch, 8)
    status, told = command(config, tmp_path)
    assert (status, told[-1]["event"], told[-1]["code"]) == (1, "failed", "storage_full")


def test_the_command_tells_every_checkpoint_before_its_last_word(config: RunConfig, tmp_path: Path) -> None:
    _, told = command(config, tmp_path)
    names = [event["event"] for event in told]
    assert [event["step"] for event in told if event["event"] == "checkpoint"] == [4, 8]
    assert names[-1] == "finished"
    assert "checkpoint_due" not in names
    assert told[-1]["peak_bytes"] > 50_000_000  # torch alone is more
