"""The solving thread's time is shared equally by the engines, however long a step of each takes."""

import threading
from pathlib import Path

import pytest

from services.registry.metrics.metrics import SolveMetrics
from trm.evaluation.examine import Examination
from trm.interface.effort import Effort
from trm.puzzles.datasets.datasets import load
from trm.solving.engine import Engine
from trm.solving.solver import Solver
from workers.context import Worker
from workers.solving.engine_loop import EngineLoop

LONG = Effort(max_steps=128)


def ask(
    loop: EngineLoop, engine: Engine, solver: Solver, puzzles: int, effort: Effort
) -> tuple[Examination, threading.Event]:
    ended = threading.Event()
    examination = Examination(solver, load("sudoku-4x4", "test").take(puzzles), effort, on_end=ended.set)
    loop.submit(engine, examination.solve_request)
    return examination, ended


@pytest.mark.timeout(120)
def test_a_puzzle_waits_for_no_slot_of_an_evaluation(worker: Worker[SolveMetrics], saved: Path) -> None:
    """All chains of an evaluation make their 128 steps; one puzzle of 4 steps ends before the first of them does."""
    solver, loop = Solver.load(saved, "cpu", slots=64), EngineLoop(worker.metrics, worker.cores)
    evaluation, all_ended = ask(loop, solver.background, solver, 200, LONG)
    while not solver.background.occupied:
        assert not all_ended.wait(0.01)
    _, ended = ask(loop, solver.engine, solver, 1, Effort(max_steps=4))
    assert ended.wait(60)
    assert len(evaluation.found) == 0
    assert solver.background.occupied == 64
    evaluation.solve_request.stop()


@pytest.mark.timeout(120)
def test_two_engines_have_the_same_time(worker: Worker[SolveMetrics], saved: Path) -> None:
    solver, loop = Solver.load(saved, "cpu", slots=64), EngineLoop(worker.metrics, worker.cores)
    many, _ = ask(loop, solver.background, solver, 64, LONG)
    few, few_ended = ask(loop, solver.engine, solver, 1, LONG)
    assert few_ended.wait(100)
    assert solver.engine.steps == 128
    assert 0 < solver.background.steps // 64 <= 128  # a step of many takes longer, and there are no more of them
    many.solve_request.stop()
    assert len(few.found) == 1
