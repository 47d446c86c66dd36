"""The solve task: puzzles through a resident model, answers into rows, steps into events."""

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from services.registry import job_events, jobs, leases, solutions
from services.registry.metrics import SolveMetrics
from services.registry.solutions import SolutionRow
from trm.effort import Effort
from trm.puzzles.grids import parse, text
from workers.attempt import Cancelled, Released
from workers.context import Worker
from workers.models import Models

if TYPE_CHECKING:
    from trm.solution import Solution, SolveStep
    from trm.solver import Solver

CHUNK = 256  # chains thought about at a time; their puzzles are recorded together
VERDICTS = {True: "verified", False: "refuted", None: "unknown"}


def solve(worker: Worker[SolveMetrics], claim: leases.Claim, models: Models) -> dict[str, Any]:
    """Solve every puzzle of the job; returns its result."""
    with worker.database.transaction() as session:
        request = jobs.get(session, claim.job_id).request
    solver, lock = models.get(request["model"])
    begun, found = time.monotonic(), Counter[str]()
    reasons = Counter[str]()
    count = max(1, CHUNK // Effort(**request["effort"]).chains)
    for first in range(0, len(request["puzzles"]), count):
        for solution in _Chunk(worker, claim, solver, lock, request, slice(first, first + count)).solved():
            found.update(n=1, verified=solution.verified is True, steps=solution.steps, total=solution.total_steps)
            reasons[solution.reason] += 1
    return {
        "n": found["n"],
        "verified": found["verified"] if solver.spec.kind in ("sudoku", "maze") else None,
        "mean_supervision_steps": found["steps"] / max(1, found["n"]),
        "total_supervision_steps": found["total"],
        "reasons": dict(reasons),
        "seconds": round(time.monotonic() - begun, 3),
    }


class _Chunk:
    """Some of a job's puzzles, solved together."""

    def __init__(
        self,
        worker: Worker[SolveMetrics],
        claim: leases.Claim,
        solver: "Solver",
        lock: threading.Lock,
        request: dict[str, Any],
        part: slice,
    ) -> None:
        self.worker, self.claim, self.solver, self.lock = worker, claim, solver, lock
        self.request, self.first = request, part.start
        self.questions = np.stack([parse(solver.spec, p) for p in request["puzzles"][part]])
        self.last_beat = self.last_step = time.monotonic()
        self.told: list[tuple[str, dict[str, Any]]] = []  # step events that wait to be written
        self.cancelled = False

    def solved(self) -> "list[Solution]":
        """The solutions, recorded; raises Cancelled, Released or StaleLease."""
        self._take_turn()
        try:
            found = self._solve()
        finally:
            self.lock.release()
        if self.cancelled:
            raise Cancelled
        if len(found) < len(self.questions):
            raise Released
        self._record(found)
        return found

    def _take_turn(self) -> None:
        """Take the lock; the job's lease is kept meanwhile, since others may think with the model for longer than it lasts."""
        while not self.lock.acquire(timeout=self.worker.settings.heartbeat_seconds):
            self._beat(self.first)
            if self.cancelled:
                raise Cancelled
            if self.worker.stopping.is_set():
                raise Released
        self.last_step = time.monotonic()

    def _solve(self) -> "list[Solution]":
        trace = bool(self.request["trace"])
        return self.solver.solve(
            self.questions,
            Effort(**self.request["effort"]),
            batch_size=CHUNK,
            keep_trace=trace,
            on_step=self._tell if trace else None,
            should_stop=self._should_stop,
        )

    def _tell(self, step: "SolveStep") -> None:
        row = {"puzzle": self.first + step.index, **_step_row(self.solver, step), "halted": step.halted}
        self.told.append(("step", row))

    def _should_stop(self) -> bool:
        """Called after every supervision step: steps are told at once, the lease is extended when it is time."""
        now = time.monotonic()
        self.worker.metrics.step_seconds.observe(now - self.last_step)
        self.last_step = now
        if self.told or now - self.last_beat >= self.worker.settings.heartbeat_seconds:
            self._beat(self.first)
        return self.cancelled or self.worker.stopping.is_set()

    def _beat(self, step: int) -> None:
        with self.worker.database.transaction() as session:
            self.cancelled = leases.heartbeat(session, self.claim, step).cancel
            job_events.append(session, self.claim, self.told)
        self.told.clear()
        self.last_beat = time.monotonic()
        self.worker.metrics.last_heartbeat.set_to_current_time()

    def _record(self, found: "list[Solution]") -> None:
        rows = [self._row(index, solution) for index, solution in enumerate(found)]
        with self.worker.database.transaction() as session:
            leases.heartbeat(session, self.claim, self.first + len(found))
            solutions.add(session, self.claim, rows)
            solved = ("solved", {"first": self.first, "count": len(found)})
            job_events.append(session, self.claim, [*self.told, solved])
        metrics = self.worker.metrics
        for solution in found:
            metrics.steps.observe(solution.steps)
            metrics.halt_probability.observe(solution.halt_probability)
            metrics.verified.labels(VERDICTS[solution.verified]).inc()
            metrics.puzzles.labels(solution.reason).inc()
            metrics.chain_steps.inc(solution.total_steps)

    def _row(self, index: int, solution: "Solution") -> SolutionRow:
        spec = self.solver.spec
        return SolutionRow(
            index=self.first + index,
            question=text(spec, self.questions[index]),
            answer=text(spec, solution.answer),
            verified=solution.verified,
            halt_probability=solution.halt_probability,
            steps=solution.steps,
            total_steps=solution.total_steps,
            reason=solution.reason,
            chosen_by=solution.chosen_by,
            chain=solution.chain,
            votes=solution.votes,
            chains=solution.chains,
            trace=None if solution.trace is None else [_step_row(self.solver, step) for step in solution.trace],
        )


def _step_row(solver: "Solver", step: "SolveStep") -> dict[str, Any]:
    return {
        "step": step.step,
        "chain": step.chain,
        "answer": text(solver.spec, step.answer),
        "halt_probability": step.halt_probability,
        "changed_cells": list(step.changed_cells),
        "verified": step.verified,
    }
