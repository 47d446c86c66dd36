"""A tiny model and real 4x4 puzzles, shared by the tests of the science."""

import os
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from trm.config.model import ModelConfig
from trm.config.overrides import resolve
from trm.config.run import RunConfig
from trm.config.train import TrainConfig
from trm.data.splits import Splits, load_splits
from trm.puzzles.datasets.datasets import load, spec_of
from trm.puzzles.puzzle_set import PuzzleSet
from trm.solving.solver import Solver
from trm.training.session import Session
from trm.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def train_set() -> PuzzleSet:
    return load("sudoku-4x4", "train").take(64)


@pytest.fixture(scope="session")
def test_set() -> PuzzleSet:
    return load("sudoku-4x4", "test").take(16)


@pytest.fixture(scope="session")
def splits(train_set: PuzzleSet, test_set: PuzzleSet) -> Splits:
    return Splits(train_set, load("sudoku-4x4", "validation").take(16), test_set)


@pytest.fixture
def config(train_set: PuzzleSet) -> RunConfig:
    return RunConfig(
        preset="tiny",
        dataset="sudoku-4x4",
        puzzle=train_set.spec,
        model=ModelConfig(
            hidden_size=16, layers=1, latent_steps=1, recursions=2, max_supervision_steps=4, prefix_tokens=1
        ),
        train=TrainConfig(
            steps=8,
            batch_size=8,
            learning_rate=1e-3,
            warmup_steps=2,
            ema_decay=0.9,
            precision="float32",
            log_every=3,
            evaluate_every=4,
            evaluate_puzzles=16,
            test_puzzles=16,
            checkpoint_every=4,
        ),
    )


@pytest.fixture
def trainer(config: RunConfig, splits: Splits) -> Trainer:
    return Trainer(config, splits, CPU)


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that solves some 60 % of 4x4 Sudokus: good enough to be right, bad enough to be helped.

    The first process that needs it trains it for all processes of the run.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with FileLock(shared / "learned.lock"):
        return next((shared / "learned").glob("step_*"), None) or _learn(shared / "learned")


def _learn(folder: Path) -> Path:
    changes = {
        "model.hidden_size": 32,
        "model.feed_forward": "swiglu",
        "train.min_learning_rate_ratio": 0.1,
        "model.recursions": 1,
        "train.batch_size": 32,
        "train.steps": 300,
        "train.evaluate_every": 300,
        "train.test_puzzles": 1,
    }
    config = resolve("sudoku-4x4", spec_of("sudoku-4x4"), changes)
    trainer = Trainer(config, load_splits("sudoku-4x4", config), CPU)
    for _ in Session(trainer).run():
        pass
    return Path(trainer.state.save(folder).path)


@pytest.fixture(scope="module")
def solver(learned: Path) -> Solver:
    """The model of `learned`."""
    return Solver.load(learned, "cpu")


@pytest.fixture(scope="module")
def puzzles() -> PuzzleSet:
    return load("sudoku-4x4", "test").take(60)
