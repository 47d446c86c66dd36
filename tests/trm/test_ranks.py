"""Several processes that train together: the same training as one, up to rounding; resumed exactly; ended whole when one is killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file

from trm.checkpoints import checkpoint
from trm.errors import ConfigError
from trm.training.ranks import Ranks

pytestmark = pytest.mark.training
RECIPE: dict[str, object] = {
    "train.steps": 12, "train.batch_size": 8, "train.checkpoint_every": 4, "train.evaluate_every": 6, "train.log_every": 4,
    "train.optimizer": "adamw", "train.test_puzzles": 8, "train.evaluate_puzzles": 8, "train.warmup_steps": 2,
    "train.reveal": 0.5, "model.hidden_size": 8, "model.recursions": 2, "model.max_supervision_steps": 3, "train.hard_share": None,
    "train.also": ["sudoku-6x6"],
}  # fmt: skip
MLP: dict[str, object] = {
    "train.steps": 8, "train.batch_size": 8, "train.checkpoint_every": 4, "train.evaluate_puzzles": 8, "train.test_puzzles": 8,
    "train.precision": "float32", "model.hidden_size": 16, "model.prefix_tokens": 2, "model.max_supervision_steps": 3,
}  # fmt: skip
LONG = RECIPE | {"train.steps": 80, "train.checkpoint_every": 40, "train.evaluate_every": 1000}


def command(out: Path, ranks: int, *more: str, preset: str = "sudoku", recipe: dict[str, object] = RECIPE) -> list[str]:
    settings = [part for key, value in recipe.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    start = () if "--resume" in more else ("--preset", preset, "--data", "sudoku-4x4", *settings)
    process = [sys.executable, "-m", "trm", "train", "--out", str(out), "--ranks", str(ranks)]
    return [*process, "--events", "--compile", "never", *start, *more]


def trained(
    out: Path, ranks: int, *more: str, preset: str = "sudoku", recipe: dict[str, object] = RECIPE
) -> list[dict[str, Any]]:
    args = command(out, ranks, *more, preset=preset, recipe=recipe)
    done = subprocess.run(args, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextmanager
def training(out: Path, ranks: int, *more: str, recipe: dict[str, object] = RECIPE) -> Iterator[subprocess.Popen[str]]:
    """One under way, in a process group of its own."""
    args = command(out, ranks, *more, recipe=recipe)
    with subprocess.Popen(args, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        yield process
        process.kill()


def events_until(process: subprocess.Popen[str], step: int | None = None) -> list[dict[str, Any]]:
    """What it tells until this step, or to its end."""
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(json.loads(line))
        if step is not None and told[-1].get("step") == step:
            break
    return told


def tensors(out: Path, step: int) -> dict[str, torch.Tensor]:
    files = sorted((out / f"step_{step:08d}").glob("*.safetensors"))
    return {f"{file.stem}/{name}": tensor for file in files for name, tensor in load_file(file).items()}


def weights_of(out: Path, step: int) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in tensors(out, step).items() if not name.startswith("state/")}


def assert_alike(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor], tolerance: float) -> None:
    assert ours.keys() == theirs.keys()
    differ = {n: (t.double() - theirs[n].double()).abs().max().item() for n, t in ours.items() if t.numel()}
    assert {name: value for name, value in differ.items() if value > tolerance} == {}


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("one")
    trained(out, 1)
    return out


@pytest.mark.slow
def test_two_ranks_train_as_one_does(one: Path, tmp_path: Path) -> None:
    events = trained(tmp_path, 2)
    for step, tolerance in ((4, 1e-5), (12, 5e-4)):  # weights, averages, optimizer, carry, metrics; rounding grows
        assert_alike(tensors(tmp_path, step), tensors(one, step), tolerance)
    assert [e["step"] for e in events if e["event"] == "updated"] == [*range(1, 13)]  # told once, by the first rank
    assert [e["event"] for e in events].count("finished") == 1


@pytest.mark.slow
def test_puzzle_embeddings_are_trained_by_all_ranks(tmp_path: Path) -> None:
    for ranks in (1, 2):
        trained(tmp_path / str(ranks), ranks, preset="sudoku-extreme", recipe=MLP)
    ours, theirs = (weights_of(tmp_path / ranks, 8) for ranks in ("2", "1"))
    assert ours["model/puzzle_embedding"].abs().sum() > 0
    assert_alike(ours, theirs, 1e-3)  # the carry differs by more: its states amplify rounding


@pytest.mark.slow
def test_stopped_by_a_signal_and_resumed_it_is_the_same_training(tmp_path: Path) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    trained(whole, 2, recipe=LONG)
    with training(halves, 2, recipe=LONG) as process:
        events_until(process, 20)
        os.killpg(process.pid, signal.SIGTERM)
        stopped = events_until(process)[-1]
        assert process.wait(60) == 0
    assert stopped["event"] == "stopped"
    assert 20 <= stopped["step"] < 80
    trained(halves, 2, "--resume", str(halves))
    assert_alike(tensors(halves, 80), tensors(whole, 80), 0.0)


@pytest.mark.slow
def test_another_number_of_ranks_goes_on_from_a_checkpoint(one: Path, tmp_path: Path) -> None:
    trained(tmp_path, 2, "--resume", str(one / "step_00000008"))
    assert_alike(tensors(tmp_path, 12), tensors(one, 12), 5e-4)


@pytest.mark.slow
def test_a_killed_rank_ends_the_training_and_leaves_good_checkpoints(tmp_path: Path) -> None:
    with training(tmp_path, 2, recipe=LONG | {"train.steps": 100_000, "train.checkpoint_every": 10}) as process:
        events_until(process, 25)
        ranks = [child for child in psutil.Process(process.pid).children() if "trm" in child.cmdline()]
        assert len(ranks) == 2
        ranks[-1].kill()
        last = events_until(process)[-1]
        assert (process.wait(60), last["event"], last["code"]) == (1, "failed", "rank_failed")
    assert psutil.wait_procs(ranks, timeout=10)[1] == []
    assert checkpoint.verify(checkpoint.newest(tmp_path)).step >= 20
    started = trained(tmp_path, 2, "--resume", str(tmp_path), "--minutes", "0")[0]
    assert started["resumed_from"] >= 20


def test_slots_that_cannot_be_shared_are_refused(tmp_path: Path) -> None:
    assert [Ranks(rank, 4).share(8) for rank in (0, 3)] == [slice(0, 2), slice(6, 8)]
    with pytest.raises(ConfigError, match="multiple of 3"):
        Ranks(0, 3).share(8)
    done = subprocess.run(command(tmp_path, 3), capture_output=True, text=True, timeout=60)
    [failed] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, failed["code"]) == (1, "config_invalid")
    assert "3 ranks cannot share 8 slots" in failed["message"]
