"""Solving: the engine against the official evaluation loop, which takes every step for every puzzle."""

import statistics
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from tests.bench.crowd import under_load
from tests.bench.machine import batch_for, flops, matrix_peak
from tests.bench.models import (
    CPU,
    SHIPPED,
    WITH_PREFIX,
    WITHOUT_PREFIX,
    configuration,
    official,
    official_like,
    sudokus,
    untrained,
)
from tests.bench.official import evaluated
from tests.bench.row import Row, medians
from trm.interface.effort import HALTING, Effort
from trm.interface.solution import Solution
from trm.puzzles.datasets.datasets import load
from trm.solving.slots import ChainOutputs
from trm.solving.solve_request import SolveRequest
from trm.solving.solver import Solver

STEPS, SOON = 16, 4
MEAN_STEPS = 4.4  # halting step of a published model of 84.7 % accuracy on Sudoku-Extreme (arXiv 2601.19085)
DRAWS, NEVER = 10_000, 0.1  # share of puzzles that do not halt by themselves
LOOP = "official loop, compiled"
BOUND = "the same engine at 16 steps, times 16 / mean steps"


class Drawn(SolveRequest):
    """An inquiry whose chains halt at steps drawn beforehand: the work of a trained model, done by one that is not."""

    def __init__(self, solver: Solver, questions: NDArray[np.int32], halting: NDArray[np.int64]) -> None:
        super().__init__(questions, Effort(), solver.spec, solver.config.model, on_solution=self.note)
        self.halting, self.found = halting, list[Solution]()

    def note(self, _index: int, solution: Solution) -> None:
        """Keep a solution."""
        self.found.append(solution)

    def _reasons(
        self, output: ChainOutputs, puzzles: NDArray[np.int64], answers: NDArray[np.int32]
    ) -> NDArray[np.str_]:
        return np.where(output.steps >= self.halting[puzzles], "halted", "").astype("U8")


def rows(quick: bool) -> Iterator[Row]:
    """The full-size model with drawn halting steps, then the shipped one with its own."""
    batch = batch_for(CPU)
    same, default = full_size(WITH_PREFIX), full_size(WITHOUT_PREFIX, slots=batch)
    yield from _single(same, default, rounds=3 if quick else 7)
    yield from _many(default, batch, rounds=2 if quick else 3)
    yield from _shipped(rounds=2 if quick else 5)


def full_size(prefix: int, slots: int = 1) -> Solver:
    """The 5-million-parameter Sudoku model, warm."""
    solver = Solver(untrained(prefix), configuration(prefix, 1), CPU, slots=slots, compiling="auto")
    solver.engine.warm_up()
    return solver


def step_flops(prefix: int) -> int:
    """Of one supervision step of one puzzle; of plain weights, since the counter knows no products with prepacked ones."""
    model = untrained(prefix)
    inputs = torch.ones(1, model.tokens - prefix, dtype=torch.int32)
    state = model.initial_state(1, torch.float32)
    return flops(lambda: model(inputs, model.puzzle_rows(torch.zeros(1, dtype=torch.int64)), *state))


def solve_drawn(solver: Solver, questions: NDArray[np.int32], halting: NDArray[np.int64]) -> None:
    """Think as long about each puzzle as was drawn for it."""
    solver.engine.submit(Drawn(solver, questions, halting))
    solver.engine.run()


def drawn_steps(count: int) -> NDArray[np.int64]:
    """Halting steps `(count,)`: most puzzles soon, some late, a tenth never; their mean is about MEAN_STEPS, however few they are."""
    rng = np.random.default_rng(0)
    early = 1 + rng.poisson((MEAN_STEPS - NEVER * STEPS) / (1 - NEVER) - 1, DRAWS)
    drawn = np.sort(np.where(rng.random(DRAWS) < NEVER, STEPS, np.clip(early, 1, STEPS)))
    evenly = ((np.arange(count) + 0.5) * DRAWS / count).astype(int)
    chosen: NDArray[np.int64] = rng.permutation(drawn[evenly])
    return chosen


def _official_loop(count: int, steps: int) -> Callable[[], object]:
    network, inputs = official(steps=steps), torch.from_numpy(sudokus(count).questions)
    return lambda: evaluated(network, inputs, inputs)


def _single(same: Solver, default: Solver, rounds: int) -> Iterator[Row]:
    one, peak = sudokus(1).questions, matrix_peak(CPU)
    equal, soon, theirs = medians(
        lambda: solve_drawn(same, one, np.array([STEPS])),
        lambda: solve_drawn(default, one, np.array([SOON])),
        _official_loop(1, STEPS),
        rounds=rounds,
    )
    floors = STEPS * step_flops(WITH_PREFIX) / peak, SOON * step_flops(WITHOUT_PREFIX) / peak
    name = "one Sudoku, 16 steps, equal mathematics"
    yield Row(name, equal, theirs, "s", target=1.2, floor=floors[0], note=LOOP)
    name = f"one Sudoku without prefix, halting after {SOON} steps"
    yield Row(name, soon, theirs, "s", target=4.0, floor=floors[1], note=LOOP)


def _many(solver: Solver, batch: int, rounds: int) -> Iterator[Row]:
    puzzles = sudokus(4 * batch).questions
    halting = drawn_steps(len(puzzles))
    mean, work, peak = float(halting.mean()), step_flops(WITHOUT_PREFIX), matrix_peak(CPU)
    loop = _official_loop(batch, SOON)  # a quarter of the 16 steps, for each of which it does the same
    loop()  # compiles
    refilled, whole, quarter = medians(
        lambda: solve_drawn(solver, puzzles, halting),
        lambda: solve_drawn(solver, puzzles[:batch], np.full(batch, SOON)),
        loop,
        rounds=rounds,
        warm_up=0,
    )
    rate, bound, theirs = len(puzzles) / refilled, batch * SOON / whole / mean, quarter * STEPS / SOON
    name = f"Sudokus halting after {mean:.1f} steps on average (drawn), {batch} slots refilled"
    yield Row(name, rate, bound, "puzzles/s", lower_is_better=False, target=0.85, floor=bound, note=BOUND)
    name, floor = "those Sudokus, against the official evaluation loop", peak / (mean * work)
    yield Row(name, rate, batch / theirs, "puzzles/s", lower_is_better=False, target=5.0, floor=floor, note=LOOP)


def _shipped(rounds: int) -> Iterator[Row]:
    solver, questions = Solver.load(SHIPPED, "cpu"), load("sudoku-6x6", "test").questions[:1000]
    solver.engine.warm_up()
    network, batch = official_like(solver.config), solver.engine.capacity
    part = torch.from_numpy(questions[:batch])
    mean = statistics.mean(solution.steps for solution in solver.solve_tokens(questions, HALTING))
    halting, whole, theirs = medians(
        lambda: solver.solve_tokens(questions, HALTING),
        lambda: solver.solve_tokens(questions[: 2 * batch]),
        lambda: evaluated(network, part, part),
        rounds=rounds,
    )
    rate, bound = len(questions) / halting, 2 * batch * STEPS / whole / mean
    name = f"the shipped 6x6 model, halting after {mean:.2f} steps on average"
    yield Row(name, rate, bound, "puzzles/s", lower_is_better=False, target=0.85, floor=bound, note=BOUND)
    note = "official loop in the same sizes, eager, same batch"
    name = "the shipped 6x6 model, against the official evaluation loop"
    yield Row(name, rate, batch / theirs, "puzzles/s", lower_is_better=False, target=5.0, note=note)
    yield from under_load(solver, network, questions, HALTING, each=3 if rounds < 5 else 8)
