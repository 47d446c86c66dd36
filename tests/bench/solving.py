"""Solving: the engine against the official evaluation loop, which takes every step for every puzzle."""

import queue
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tests.bench.machine import flops, matrix_peak
from tests.bench.models import CPU, SHIPPED, WITH_PREFIX, WITHOUT_PREFIX, configuration, official, official_like, sudokus, untrained
from tests.bench.official import Official, evaluated
from tests.bench.row import Row, medians
from trm.effort import Effort
from trm.inquiry import Inquiry
from trm.puzzles.datasets import load
from trm.slots import ThoughtBatch
from trm.solution import Solution
from trm.solver import Solver

BATCH, STEPS = 32, 16
MEAN_STEPS = 4.4  # halting step of a published model of 84.7 % accuracy on Sudoku-Extreme (arXiv 2601.19085)
HALTING = Effort(halt_threshold=0.5)
CLIENTS = 64


class Drawn(Inquiry):
    """An inquiry whose chains halt at steps drawn beforehand: the work of a trained model, done by one that is not."""

    def __init__(self, solver: Solver, questions: NDArray[np.int32], halting: NDArray[np.int64], take: Callable[[int, Solution], None]) -> None:  # fmt: skip
        super().__init__(questions, Effort(), solver.spec, solver.config.model, on_solution=take)
        self.halting = halting

    def _reasons(self, thought: ThoughtBatch, puzzles: NDArray[np.int64], answers: NDArray[np.int32]) -> NDArray[np.str_]:
        return np.where(thought.steps >= self.halting[puzzles], "halted", "").astype("U8")


def rows(quick: bool) -> Iterator[Row]:
    """The full-size model with drawn halting steps, then the shipped one with its own."""
    yield from _full_size(3 if quick else 5)
    yield from _shipped(2 if quick else 5)


def _full_size(rounds: int) -> Iterator[Row]:
    network = official()
    theirs, peak = torch.compile(network, dynamic=False), matrix_peak(CPU)
    same, default = (Solver(untrained(p), configuration(p, 1), CPU, slots=BATCH, compiling="auto") for p in (WITH_PREFIX, WITHOUT_PREFIX))
    puzzles = sudokus(4 * BATCH).questions
    one, many = torch.from_numpy(puzzles[:1]), torch.from_numpy(puzzles[:BATCH])
    halting = drawn_steps(len(puzzles))
    work = [flops(lambda s=s: s.model(one, s.model.puzzle_rows(torch.zeros(1, dtype=torch.int64)), *s.model.initial_state(1, s.dtype))) for s in (same, default)]  # type: ignore[misc]  # fmt: skip
    for solver in (same, default):
        solver.engine.warm_up()
    single = medians(
        lambda: solve_drawn(same, puzzles[:1], np.array([STEPS])),
        lambda: solve_drawn(default, puzzles[:1], np.array([4])),
        lambda: evaluated(theirs, network, one, one),
        rounds=rounds,
    )
    note = "official loop, bfloat16, compiled"
    yield Row("one Sudoku, 16 steps, equal mathematics", single[0], single[2], "s", target=1.2, floor=STEPS * work[0] / peak, note=note)
    yield Row("one Sudoku without prefix that halts after 4 of 16 steps", single[1], single[2], "s", target=4.0, floor=4 * work[1] / peak, note=note)
    throughput = medians(
        lambda: solve_drawn(default, puzzles[:BATCH], np.full(BATCH, 4)),
        lambda: solve_drawn(default, puzzles, halting),
        lambda: evaluated(theirs, network, many, many),
        rounds=max(2, rounds // 2),
    )
    at_sixteen, with_halting, official_rate = BATCH * 4 / STEPS / throughput[0], len(puzzles) / throughput[1], BATCH / throughput[2]
    bound = at_sixteen * STEPS / halting.mean()
    yield Row(
        f"Sudokus that halt after {halting.mean():.1f} steps on average, refilled slots",
        with_halting,
        bound,
        "puzzles/s",
        lower_is_better=False,
        target=0.85,
        floor=bound,
        note="the bound: the same engine at 16 steps, times 16 / mean steps",
    )
    yield Row(
        "the same against the official evaluation loop",
        with_halting,
        official_rate,
        "puzzles/s",
        lower_is_better=False,
        target=5.0,
        floor=peak / (halting.mean() * work[1]),
        note=note,
    )


def _shipped(rounds: int) -> Iterator[Row]:
    solver = Solver.load(SHIPPED, "cpu")
    questions = load("sudoku-6x6", "test").questions[:1000]
    network = official_like(solver.config)
    batch = solver.engine.capacity
    tensors = [torch.from_numpy(questions[first : first + batch]) for first in range(0, len(questions), batch)]
    solver.engine.warm_up()
    mean = statistics.mean(solution.steps for solution in solver.solve(questions, HALTING))
    halting, sixteen, theirs = medians(
        lambda: solver.solve(questions, HALTING),
        lambda: solver.solve(questions[: 2 * batch]),
        lambda: [evaluated(network, network, part, part) for part in tensors[:2]],
        rounds=rounds,
    )
    bound = 2 * batch / sixteen * STEPS / mean
    name = f"the shipped 6x6 model, which halts after {mean:.2f} steps on average"
    yield Row(name, len(questions) / halting, bound, "puzzles/s", lower_is_better=False, target=0.85, floor=bound, note="the bound, as above")
    rate = 2 * batch / theirs
    yield Row("the same against the official evaluation loop, eager", len(questions) / halting, rate, "puzzles/s", lower_is_better=False, target=5.0, note="same sizes, float32, same batch limit")  # fmt: skip
    yield _under_load(solver, network, questions, each=3 if rounds < 5 else 8)


def _under_load(solver: Solver, network: Official, questions: NDArray[np.int32], each: int) -> Row:
    ours, theirs = Continuous(solver), Static(network, solver.engine.capacity)
    p99 = []
    for server in (ours, theirs):
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(server.ask, questions[:CLIENTS]))  # warm
            seconds = list(clients.map(lambda q, server=server: _timed(server, q), questions[: CLIENTS * each]))  # type: ignore[misc]
        p99.append(float(np.percentile(seconds, 99)))
    return Row(f"p99 latency of one puzzle, {CLIENTS} clients", p99[0], p99[1], "s", target=1.0, note="official loop behind a queue: batches of whoever waits, 16 steps")  # fmt: skip


class Continuous:
    """One thread steps the engine; clients wait for their own puzzle."""

    def __init__(self, solver: Solver) -> None:
        self.solver, self.asked = solver, threading.Semaphore(0)
        threading.Thread(target=self._run, daemon=True).start()

    def ask(self, question: NDArray[np.int32]) -> None:
        done = threading.Event()
        inquiry = self.solver.inquiry(question[None], HALTING, on_solution=lambda _i, _s: done.set())
        self.solver.engine.submit(inquiry)
        self.asked.release()
        done.wait()

    def _run(self) -> None:
        while True:
            self.asked.acquire()
            while self.solver.engine.step():
                pass


class Static:
    """One thread answers batches of whoever waits, each with all steps."""

    def __init__(self, network: Official, batch: int) -> None:
        self.network, self.batch = network, batch
        self.waiting: queue.Queue[tuple[NDArray[np.int32], threading.Event]] = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def ask(self, question: NDArray[np.int32]) -> None:
        done = threading.Event()
        self.waiting.put((question, done))
        done.wait()

    def _run(self) -> None:
        while True:
            taken = [self.waiting.get()]
            while len(taken) < self.batch and not self.waiting.empty():
                taken.append(self.waiting.get())
            part = torch.from_numpy(np.stack([question for question, _ in taken]))
            evaluated(self.network, self.network, part, part)
            for _, done in taken:
                done.set()


def _timed(server: Any, question: NDArray[np.int32]) -> float:  # noqa: ANN401
    begun = time.perf_counter()
    server.ask(question)
    return time.perf_counter() - begun


def drawn_steps(count: int) -> NDArray[np.int64]:
    """Halting steps: most puzzles soon, some late, a tenth never; their mean is about MEAN_STEPS."""
    rng = np.random.default_rng(0)
    early = 1 + rng.poisson((MEAN_STEPS - 1.6) / 0.9 - 1, count)
    return np.where(rng.random(count) < 0.1, STEPS, np.clip(early, 1, STEPS)).astype(np.int64)


def solve_drawn(solver: Solver, questions: NDArray[np.int32], halting: NDArray[np.int64]) -> list[Solution]:
    """Think as long about each puzzle as was drawn for it."""
    found: list[Solution] = []
    solver.engine.submit(Drawn(solver, questions, halting, lambda _i, solution: found.append(solution)))
    solver.engine.run()
    return found


