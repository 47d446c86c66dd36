"""What is not needed is not held: big puzzle tables stay in their file, gradient checkpointing trades time for memory."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from trm.config.model import ModelConfig
from trm.config.run import RunConfig
from trm.data.splits import Splits
from trm.network.model import BIG_TABLE, TinyRecursiveModel
from trm.puzzles.datasets.datasets import load, spec_of
from trm.training.trainer import Trainer

CPU = torch.device("cpu")
RESIDENT = """
import sys
import torch
from pathlib import Path
from trm.checkpoints.checkpoint import read_meta
from trm.solving.solver import Solver

def held():  # what this process holds alone; pages of a mapped file are the system's to drop
    fields = dict(line.split(":") for line in open("/proc/self/status") if line.startswith("Rss"))
    return int(fields["RssAnon"].split()[0]) * 1024

before = held()
solver = Solver.load(sys.argv[1], "cpu", slots=1)
table = solver.model.puzzle_embedding
assert table.numel() * 4 == int(sys.argv[2])
rows = solver.model.puzzle_rows(torch.tensor([3, table.shape[0] - 1]))
assert rows.tolist() == [[3.0] * table.shape[1], [float(table.shape[0] - 1)] * table.shape[1]]
print(held() - before)
"""


@pytest.mark.slow
def test_a_big_puzzle_table_stays_in_its_file(config: RunConfig, tmp_path: Path) -> None:
    """As ARC's of 450 million values: a solver reads the rows that it is asked for, and holds none."""
    ids = BIG_TABLE // 16 + 1
    big = config.model_copy(update={"model": config.model.model_copy(update={"puzzle_ids": ids})})
    few = Splits(load("sudoku-4x4", "test").take(8), None, load("sudoku-4x4", "test").take(8))
    trainer = Trainer(big, few, CPU)
    trainer.state.model.puzzle_embedding.copy_(torch.arange(ids).unsqueeze(1).expand(-1, 16))
    saved = trainer.state.save(tmp_path)
    size = str(4 * trainer.state.model.puzzle_embedding.numel())
    out = subprocess.run(
        [sys.executable, "-c", RESIDENT, saved.path, size], capture_output=True, text=True, check=True
    ).stdout
    assert int(out) < int(size) // 2


def test_a_big_puzzle_table_is_not_moved_with_the_model() -> None:
    config = ModelConfig(hidden_size=16, puzzle_ids=BIG_TABLE // 16 + 1)
    model = TinyRecursiveModel(config, spec_of("sudoku-4x4"))
    kept = model.puzzle_embedding
    model.to(torch.float64)
    assert model.puzzle_embedding is kept
    assert model.embedding.dtype == torch.float64
    small = TinyRecursiveModel(ModelConfig(hidden_size=16), spec_of("sudoku-4x4")).to(torch.float64)
    assert small.puzzle_embedding.dtype == torch.float64


@pytest.mark.parametrize("prefix", [0, 1])
def test_gradient_checkpointing_changes_no_gradient(config: RunConfig, splits: Splits, prefix: int) -> None:
    gradients = []
    for recomputes in (False, True):
        train = config.train.model_copy(update={"gradient_checkpointing": recomputes})
        model = config.model.model_copy(update={"prefix_tokens": prefix})
        trainer = Trainer(config.model_copy(update={"train": train, "model": model}), splits, CPU)
        assert trainer.state.model.layers.recomputes == recomputes
        trainer.update()
        gradients.append({name: p.grad for name, p in trainer.state.model.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name])


WRITTEN = """
import sys
import torch
from pathlib import Path
from trm.checkpoints import checkpoint

def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

tensors = {"table": torch.ones(int(sys.argv[2]) // 4)}
before = peak()
written = checkpoint.write_file(Path(sys.argv[1]), tensors)
assert written["bytes"] > int(sys.argv[2])
print(peak() - before)
"""


@pytest.mark.slow
def test_a_big_table_is_written_without_a_copy_of_it(tmp_path: Path) -> None:
    size = 200_000_000
    out = subprocess.run(
        [sys.executable, "-c", WRITTEN, tmp_path / "x", str(size)], capture_output=True, text=True, check=True
    ).stdout
    assert int(out) < size // 4
