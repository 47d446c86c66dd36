"""Many clients, each with one puzzle at a time: the engine against an official loop behind a queue."""

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tests.bench.official import Official, evaluated
from tests.bench.row import Row
from trm.interface.effort import Effort
from trm.solving.solve_request import SolveRequest
from trm.solving.solver import Solver

CLIENTS = 64


class Server(Protocol):
    """Answers one puzzle at a time to each of many threads."""

    def ask(self, question: NDArray[np.int32]) -> None:
        """Return when the puzzle is answered."""


class Continuous:
    """One thread steps the engine; clients wait for their own puzzle."""

    def __init__(self, solver: Solver, effort: Effort) -> None:
        self.solver, self.effort, self.asked = solver, effort, threading.Semaphore(0)
        threading.Thread(target=self._run, daemon=True).start()

    def ask(self, question: NDArray[np.int32]) -> None:
        """Submit and wait."""
        done, solver = threading.Event(), self.solver
        take = lambda _index, _solution: done.set()  # noqa: E731
        solver.engine.submit(
            SolveRequest(question[None], self.effort, solver.spec, solver.config.model, on_solution=take)
        )
        self.asked.release()
        done.wait()

    def _run(self) -> None:
        while self.asked.acquire():
            self.solver.engine.run()


class Static:
    """One thread answers the waiting requests in batches, each with all steps."""

    def __init__(self, network: Official, batch: int) -> None:
        self.network, self.batch = network, batch
        self.waiting: queue.Queue[tuple[NDArray[np.int32], threading.Event]] = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def ask(self, question: NDArray[np.int32]) -> None:
        """Queue and wait."""
        done = threading.Event()
        self.waiting.put((question, done))
        done.wait()

    def _run(self) -> None:
        while True:
            taken = [self.waiting.get()]
            while len(taken) < self.batch and not self.waiting.empty():
                taken.append(self.waiting.get())
            part = torch.from_numpy(np.stack([question for question, _ in taken]))
            evaluated(self.network, part, part)
            for _, done in taken:
                done.set()


def under_load(
    solver: Solver, network: Official, questions: NDArray[np.int32], effort: Effort, *, each: int
) -> list[Row]:
    """Latency that 64 clients see, who each ask `each` puzzles one after the other."""
    ours, theirs = (
        _latencies(server, questions, each)
        for server in (Continuous(solver, effort), Static(network, solver.engine.capacity))
    )
    note = "official loop behind a queue: batches of all that wait, 16 steps"
    return [
        Row(
            f"latency of one 6x6 puzzle, {CLIENTS} clients, p{share}",
            float(np.percentile(ours, share)),
            float(np.percentile(theirs, share)),
            "s",
            target=1.0 if share == 99 else None,
            note=note,
        )
        for share in (50, 99)
    ]


def _latencies(server: Server, questions: NDArray[np.int32], each: int) -> list[float]:
    def client(number: int) -> list[float]:
        seconds = []
        for turn in range(each):
            begun = time.perf_counter()
            server.ask(questions[(number + turn * CLIENTS) % len(questions)])
            seconds.append(time.perf_counter() - begun)
        return seconds[1:]  # the first round is a stampede

    with ThreadPoolExecutor(CLIENTS) as clients:
        return [one for seconds in clients.map(client, range(CLIENTS)) for one in seconds]
