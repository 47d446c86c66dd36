"""Several processes that train together: the same training as one, up to rounding; resumed exactly; ended whole when one is killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from trm.checkpoints import checkpoint
from trm.errors import ConfigError
from trm.training.ranks import Ranks

RECIPE = {
    "train.steps": 12, "train.batch_size": 8, "train.checkpoint_every": 4, "train.evaluate_every": 6, "train.log_every": 4,
    "train.optimizer": "adamw", "train.test_puzzles": 8, "train.evaluate_puzzles": 8, "train.warmup_steps": 2,
    "train.reveal": 0.5, "model.hidden_size": 8, "model.recursions": 2, "model.max_supervision_steps": 3, "train.hard_share": None,
}  # fmt: skip
MLP = {
    "train.steps": 8, "train.batch_size": 8, "train.checkpoint_every": 4, "train.optimizer": "adam_atan2", "train.test_puzzles": 8,
    "model.hidden_size": 16, "model.prefix_tokens": 2, "model.max_supervision_steps": 3, "train.evaluate_puzzles": 8,
}  # fmt: skip


def command(out: Path, ranks: int, *more: str, preset: str = "sudoku", recipe: dict[str, object] = RECIPE) -> list[str]:
    settings = [part for key, value in recipe.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    start = () if "--resume" in more else ("--preset", preset, "--data", "sudoku-4x4", *settings)
    return [
        sys.executable, "-m", "trm", "train", "--out", str(out), "--ranks", str(ranks), "--events", "--compile", "never", *start, *more,
    ]  # fmt: skip


def trained(out: Path, ranks: int, *more: str, **which: object) -> list[dict[str, object]]:
    done = subprocess.run(command(out, ranks, *more, **which), capture_output=True, text=True, timeout=200)  # type: ignore[arg-type]
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def tensors(out: Path, step: int) -> dict[str, torch.Tensor]:
    files = sorted((out / f"step_{step:08d}").glob("*.safetensors"))
    return {f"{file.stem}/{name}": tensor for file in files for name, tensor in load_file(file).items()}


def assert_alike(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor], tolerance: float) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        torch.testing.assert_close(
            tensor, theirs[name], rtol=tolerance, atol=tolerance, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("one")
    trained(out, 1)
    return out


def test_two_ranks_train_as_one_does(one: Path, tmp_path: Path) -> None:
    events = trained(tmp_path, 2)
    assert_alike(
        tensors(tmp_path, 12), tensors(one, 12), 2e-5
    )  # weights, averages, optimizer, carry, metrics: all of it
    assert [e["step"] for e in events if e["event"] == "updated"] == [*range(1, 13), 12]  # told once, by the first rank
    assert [e["event"] for e in events].count("finished") == 1


def test_puzzle_embeddings_are_trained_by_all_ranks(tmp_path: Path) -> None:
    for ranks in (1, 2):
        trained(tmp_path / str(ranks), ranks, preset="sudoku-extreme", recipe=MLP)
    ours, theirs = tensors(tmp_path / "2", 8), tensors(tmp_path / "1", 8)
    assert ours["model/puzzle_embedding"].abs().sum() > 0
    assert_alike(ours, theirs, 1e-4)


def test_stopped_by_a_signal_and_resumed_it_is_the_same_training(tmp_path: Path) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    longer = {**RECIPE, "train.steps": 300, "train.checkpoint_every": 100, "train.evaluate_every": 1000}
    trained(whole, 2, recipe=longer)
    process = subprocess.Popen(
        command(halves, 2, recipe=longer), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line).get("step") == 40:
            os.killpg(process.pid, signal.SIGTERM)
            break
    rest = [json.loads(line) for line in process.stdout]
    assert process.wait(60) == 0
    assert rest[-1]["event"] == "stopped"
    assert 40 <= rest[-1]["step"] < 300
    trained(halves, 2, "--resume", str(halves))
    assert_alike(tensors(halves, 300), tensors(whole, 300), 0.0)


def test_another_number_of_ranks_goes_on_from_a_checkpoint(one: Path, tmp_path: Path) -> None:
    trained(tmp_path, 2, "--resume", str(one / "step_00000008"))
    assert_alike(tensors(tmp_path, 12), tensors(one, 12), 5e-4)


def test_a_killed_rank_ends_the_training_and_leaves_good_checkpoints(tmp_path: Path) -> None:
    long = {**RECIPE, "train.steps": 100_000, "train.checkpoint_every": 10}
    process = subprocess.Popen(command(tmp_path, 2, recipe=long), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line).get("step") == 25:
            break
    ranks = [child for child in psutil.Process(process.pid).children() if "trm" in child.cmdline()]
    assert len(ranks) == 2
    ranks[-1].kill()
    last = [json.loads(line) for line in process.stdout][-1]
    assert (process.wait(60), last["event"], last["code"]) == (1, "failed", "rank_failed")
    assert not any(rank.is_running() for rank in ranks)
    assert checkpoint.verify(checkpoint.newest(tmp_path)).step >= 20
    process = subprocess.Popen(command(tmp_path, 2, "--resume", str(tmp_path)), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    started = json.loads(process.stdout.readline())
    assert started["resumed_from"] >= 20
    process.terminate()
    process.communicate(timeout=60)


def test_slots_that_cannot_be_shared_are_refused() -> None:
    assert [Ranks(rank, 4).share(8) for rank in (0, 3)] == [slice(0, 2), slice(6, 8)]
    with pytest.raises(ConfigError, match="multiple of 3"):
        Ranks(0, 3).share(8)


def test_a_training_says_that_ranks_cannot_share_its_slots(tmp_path: Path) -> None:
    done = subprocess.run(command(tmp_path, 3), capture_output=True, text=True, timeout=60)
    [failed] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, failed["code"]) == (1, "config_invalid")
    assert "3 ranks cannot share 8 slots" in failed["message"]
