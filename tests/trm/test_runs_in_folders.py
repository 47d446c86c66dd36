"""A folder of checkpoints belongs to one training."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from trm.checkpoints.checkpoint import choose, read_meta, require_room_for_run
from trm.config.run import RunConfig
from trm.data.splits import Splits
from trm.errors import SeveralRuns
from trm.training.trainer import Trainer

CPU = torch.device("cpu")
TINY = ("--set=train.batch_size=8", "--set=model.hidden_size=8", "--set=train.test_puzzles=8", "--set=train.steps=2")


def changed(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"train": config.train.model_copy(update={"seed": 7})})


def saved(config: RunConfig, splits: Splits, out: Path, updates: int) -> Path:
    trainer = Trainer(config, splits, CPU)
    for _ in range(updates):
        trainer.update()
    return Path(trainer.state.save(out).path)


def test_what_to_resume_must_be_named_where_there_are_two_runs(
    config: RunConfig, splits: Splits, tmp_path: Path
) -> None:
    older = saved(config, splits, tmp_path, 3)
    assert choose(tmp_path) == older
    younger = saved(changed(config), splits, tmp_path, 2)  # not so far: its checkpoint would be passed over
    with pytest.raises(SeveralRuns, match="--resume"):
        choose(tmp_path)
    assert (choose(older), choose(younger)) == (older, younger)


def test_a_training_goes_on_in_its_own_folder_and_in_an_empty_one_alone(
    config: RunConfig, splits: Splits, tmp_path: Path
) -> None:
    saved(config, splits, tmp_path / "run", 1)
    for out, resumed in (("run", config), ("empty", config), ("empty", None)):
        require_room_for_run(tmp_path / out, resumed)
    for resumed in (None, changed(config)):
        with pytest.raises(SeveralRuns, match="--out"):
            require_room_for_run(tmp_path / "run", resumed)


@pytest.mark.slow
@pytest.mark.training
def test_the_command_refuses_before_it_trains(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "trm",
        "train",
        "--preset",
        "sudoku-4x4",
        *TINY,
        "--out",
        str(tmp_path / "run"),
        "--device",
        "cpu",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    before = sorted(path.name for path in (tmp_path / "run").rglob("*"))
    again = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode == 1
    assert "checkpoint_of_another_run" in again.stderr
    assert sorted(path.name for path in (tmp_path / "run").rglob("*")) == before


def trm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trm", "train", "--compile", "never", "--events", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.training
@pytest.mark.slow
def test_a_training_goes_on_with_other_settings_in_a_folder_of_its_own(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert trm("--preset", "sudoku-4x4", *TINY, "--out", str(first)).returncode == 0
    changes = ("--set", "train.steps=4", "--set", "train.learning_rate=0.005")
    refused = trm("--resume", str(first), "--out", str(first), *changes)
    assert (refused.returncode, "checkpoint_of_another_run" in refused.stdout) == (1, True)
    assert trm("--resume", str(first), "--out", str(second), *changes).returncode == 0
    meta = read_meta(second / "step_00000004")
    assert (meta.config.train.steps, meta.config.train.learning_rate) == (4, 0.005)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", ["train.batch_size=4", "train.optimizer=adamw", "train.ema_decay=null", "model.layers=3"]
)
def test_what_the_state_depends_on_stays_as_it_was(
    config: RunConfig, splits: Splits, tmp_path: Path, change: str
) -> None:
    saved(config, splits, tmp_path / "run", 1)
    refused = trm("--resume", str(tmp_path / "run"), "--out", str(tmp_path / "other"), "--set", change)
    assert (refused.returncode, "override_invalid" in refused.stdout) == (1, True)
