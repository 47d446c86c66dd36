"""What computes for a worker uses its share of the cores: by affinity, the quota of the cgroup, the setting, and who else computes."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from services.registry.metrics.metrics import SolveMetrics, TrainMetrics
from services.registry.settings import Settings
from services.registry.storage.storage import Storage
from tests.trm.test_cores import HOLDS
from tests.workers.conftest import Train
from trm.evaluation.examine import Examination
from trm.interface.effort import Effort
from trm.network import cores
from trm.puzzles.datasets.datasets import load
from trm.solving.solver import Solver
from workers.context import Worker
from workers.solving.engine_loop import EngineLoop
from workers.training.train import _build_command

pytestmark = pytest.mark.long

PINNED = """
import os, sys
from pathlib import Path
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import torch
from trm.cli.train import _begin
_begin(Path(sys.argv[1]), None, int(sys.argv[2]) or None)
print(torch.get_num_threads())
"""


@pytest.fixture(autouse=True)
def four_cores_and_a_quota_of_three(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3})
    monkeypatch.setattr(cores, "CGROUP", tmp_path)
    monkeypatch.setattr(cores, "LOOK_SECONDS", 0.0)
    (tmp_path / "cpu.max").write_text("300000 100000\n")


@pytest.mark.parametrize(("setting", "expected"), [(None, "3"), (2, "2"), (9, "3")])
def test_a_trainer_is_told_them(
    trainer: Worker[TrainMetrics], submit_training: Train, tmp_path: Path, setting: int | None, expected: str
) -> None:
    limited = Worker(
        trainer.settings.model_copy(update={"threads": setting}), trainer.database, trainer.storage, trainer.metrics
    )
    command = _build_command(limited, submit_training(), tmp_path)
    assert command[command.index("--threads") + 1] == expected


@pytest.mark.parametrize("asked", ["0", "7"])
def test_a_trainer_that_is_pinned_uses_no_more(tmp_path: Path, asked: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PINNED, str(tmp_path / "out"), asked], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"


def threads_of_a_step(worker: Worker[SolveMetrics], saved: Path, monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """How many threads torch had while the worker solved a puzzle."""
    solver, ended, seen = Solver.load(saved, "cpu", slots=4), threading.Event(), set[int]()
    step = solver.engine.step

    def watched() -> bool:
        seen.add(torch.get_num_threads())
        return step()

    monkeypatch.setattr(solver.engine, "step", watched)
    puzzle = load("sudoku-4x4", "test").take(1)
    examination = Examination(solver, puzzle, Effort(max_steps=4), on_end=ended.set)
    EngineLoop(worker.metrics, worker.cores).submit(solver.engine, examination.solve_request)
    assert ended.wait(60)
    return seen


@pytest.mark.parametrize(("setting", "alone", "in_company"), [(None, 3, 2), (1, 1, 1)])
def test_a_solver_uses_them_and_half_beside_another_that_computes(
    settings: Settings,
    worker: Worker[SolveMetrics],
    saved: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: int | None,
    alone: int,
    in_company: int,
) -> None:
    limited = settings.model_copy(update={"threads": setting})
    ours = Worker(limited, worker.database, Storage(settings.storage_url), worker.metrics)
    assert threads_of_a_step(ours, saved, monkeypatch) == {alone}
    ledger = str(settings.data_dir / "cores")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, ledger], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"busy\n"
        assert threads_of_a_step(ours, saved, monkeypatch) == {in_company}
        other.kill()
