"""Bodies of any size: how fast `sudoku` trains and solves on processor cores, beside the paper's five million weights."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from tests.bench.models import CPU, WITHOUT_PREFIX, trainer
from tests.bench.row import Row, medians
from tests.bench.solving import full_size
from trm.config.overrides import resolve
from trm.data.splits import load_splits
from trm.interface.effort import Effort
from trm.interface.pretrained import pretrained
from trm.network.model import TinyRecursiveModel
from trm.puzzles.datasets.datasets import load, spec_of
from trm.solving.solver import Solver
from trm.training.trainer import Trainer

PRESET, SHIPPED, DATA = "sudoku-1k", "sudoku", "sudoku-hard"  # the settings of `sudoku`, for one size
MAZE, MAZES, PAPERS_MAZE = "maze", "maze-hard", "maze-hard"
FEW = 2  # supervision steps of a maze: the paper's model takes a second and more for each
SLOTS, PAPERS_SLOTS = 32, 8  # puzzles of a training's batch; an update of the paper's model takes seconds for each
MANY = 64  # puzzles of a batch
WITH_RANKS = 40  # updates, the first half of which compile


def rows(quick: bool) -> Iterator[Row]:
    """On the CPU."""
    rounds = 2 if quick else 4
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield from _training_alone(rounds)
        yield from _solving(rounds)
        torch.set_num_threads(1)
        yield _solving_a_maze(rounds)
    finally:
        torch.set_num_threads(threads)
    yield _ranks()


def _training_alone(rounds: int) -> Iterator[Row]:
    compiled, eager = (_trainer(compiled=choice).update for choice in (True, False))
    paper = trainer(WITHOUT_PREFIX, PAPERS_SLOTS, CPU, compiled=True).update
    seconds = medians(compiled, eager, paper, rounds=rounds)
    fast, slow, plain = (slots / each for slots, each in zip((SLOTS, SLOTS, PAPERS_SLOTS), seconds, strict=True))
    unit = "puzzle-steps/s"
    yield Row("training `sudoku`, one thread", fast, slow, unit, lower_is_better=False, note="the same, not compiled")
    yield Row(
        "training `sudoku`, one thread", fast, plain, unit, lower_is_better=False, note="5M weights, token mixing"
    )


def _trainer(*, compiled: bool) -> Trainer:
    config = resolve(PRESET, spec_of(DATA), {"train.batch_size": SLOTS, "train.hard_share": None}, DATA)
    return Trainer(config, load_splits(DATA, config), CPU, compiled=compiled)


def _solving(rounds: int) -> Iterator[Row]:
    ours, paper = Solver.load(pretrained(SHIPPED).folder, compiling="always"), full_size(WITHOUT_PREFIX)
    questions = load(DATA, "test").take(MANY).questions
    one, theirs = medians(_solve(ours, questions[:1]), _solve(paper, questions[:1]), rounds=rounds)
    yield Row(f"one 9x9 Sudoku, 16 steps, `{SHIPPED}`, one thread", one, theirs, "s", floor=0.06, note="5M weights")
    [batch] = medians(_solve(ours, questions), rounds=2)
    torch.set_num_threads(os.cpu_count() or 1)
    [shared] = medians(_solve(ours, questions), rounds=2)
    name, unit = f"Sudokus in a batch of {MANY}, 16 steps", "puzzles/s"
    one_thread, all_threads = MANY / batch, MANY / shared
    yield Row(f"{name}, one thread", one_thread, 1 / one, unit, lower_is_better=False, note="one at a time")
    yield Row(f"{name}, all threads", all_threads, one_thread, unit, lower_is_better=False, note="one thread")


def _solving_a_maze(rounds: int) -> Row:
    ours = Solver.load(pretrained(MAZE).folder, compiling="always")
    config = resolve(PAPERS_MAZE, spec_of(MAZES), {}, MAZES)
    model = TinyRecursiveModel(config.model, config.puzzle)
    model.initialise(torch.Generator().manual_seed(0))
    paper = Solver(model, config, CPU, compiling="auto")
    question, effort = load(MAZES, "test").take(1).questions, Effort(max_steps=FEW)
    one, theirs = medians(_solve(ours, question, effort), _solve(paper, question, effort), rounds=rounds)
    return Row(f"one 30x30 maze, {FEW} steps, `{MAZE}`, one thread", one, theirs, "s", note="7M weights")


def _solve(solver: Solver, questions: NDArray[np.int32], effort: Effort = Effort()) -> Callable[[], object]:  # noqa: B008  immutable
    return lambda: solver.solve_tokens(questions, effort)


def _ranks() -> Row:
    one, two = (_pace(count) for count in (1, 2))
    return Row(
        "training `sudoku`, two ranks", two, one, "puzzle-steps/s", lower_is_better=False, target=1.6, note="one rank"
    )


def _pace(ranks: int) -> float:
    """Puzzle-steps a second of a training by so many single-threaded processes, over the second half of its updates."""
    batch, every = 2 * SLOTS, WITH_RANKS // 2
    settings = {"batch_size": batch, "steps": WITH_RANKS, "log_every": every, "test_puzzles": 1, "evaluate_puzzles": 1}
    with tempfile.TemporaryDirectory() as out:
        command = [
            sys.executable,
            "-m",
            "trm",
            "train",
            "--preset",
            PRESET,
            "--out",
            out,
            "--ranks",
            str(ranks),
            "--events",
        ]
        for name, value in settings.items():
            command += ["--set", f"train.{name}={value}"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
    first, last = (e["seconds"] for e in map(json.loads, done.stdout.splitlines()) if e["event"] == "step")
    return float(batch * every / (last - first))
