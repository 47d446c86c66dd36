"""The solve task: puzzles through a resident model's engine, answers into rows, steps into events."""

import time
from collections import Counter
from contextlib import ExitStack
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from services.registry.access.visibility import EVERYTHING
from services.registry.db.base import Json
from services.registry.jobs import carries, job_events, jobs, leases, solutions
from services.registry.metrics.metrics import SolveMetrics
from trm.interface.effort import Effort
from trm.puzzles.grids import parse, text
from trm.puzzles.spec import PuzzleSpec
from workers.attempt import stop_if_unwanted
from workers.context import Worker
from workers.heartbeats import kept_alive
from workers.solving.engine_loop import EngineLoop
from workers.solving.models import Models

if TYPE_CHECKING:
    from trm.interface.solution import Solution, SolveStep
    from trm.solving.solver import Solver

MOST_ROWS = 1000  # written in one transaction
PAUSE_SECONDS = {True: 0.05, False: 0.2}  # between two writes, by whether the job asks to see every step
VERDICTS = {True: "verified", False: "refuted", None: "unknown"}


def solve(worker: Worker[SolveMetrics], claim: leases.Claim, models: Models, engine_loop: EngineLoop) -> dict[str, Any]:
    """Solve every puzzle of the job; returns its result. Raises Cancelled, Released, Failed or StaleLease."""
    with worker.database.transaction() as session:
        job = jobs.get(session, EVERYTHING, claim.job_id)
        request, priority = job.request, job.priority
        kept = None if job.continues is None else carries.load(session, EVERYTHING, job.continues)
    with ExitStack() as held:
        with kept_alive(worker, claim):
            solver = held.enter_context(models.acquired(request["model"]))
        return _Solving(worker, claim, solver, request, priority, kept).run(engine_loop)


class _Solving:
    """One job: the engine finds, this records the results, extends the lease and checks whether the job is still wanted."""

    def __init__(
        self,
        worker: Worker[SolveMetrics],
        claim: leases.Claim,
        solver: "Solver",
        request: dict[str, Any],
        priority: int,
        kept: list[bytes] | None,
    ) -> None:
        from trm.solving.carry import Carry

        spec = PuzzleSpec.model_validate(request["puzzle"]) if "puzzle" in request else solver.spec
        self.worker, self.claim, self.solver = worker, claim, solver.resize(spec)
        self.questions = np.stack([parse(spec, puzzle) for puzzle in request["puzzles"]])
        self.priority = priority
        self.trace, self.effort = bool(request["trace"]), Effort(**request["effort"])
        self.found: SimpleQueue[SolveStep | tuple[int, Solution] | None] = SimpleQueue()  # None: nothing more will come
        self.carries = None if kept is None else [Carry.from_bytes(data) for data in kept]  # to continue from
        self.keep_carry = bool(request.get("keep_carry"))
        self.left: dict[int, Carry] = {}  # by puzzles whose solutions come next
        self.carry_bytes = 0
        self.rows: list[Json] = []  # waiting to be written
        self.new_carries: dict[int, bytes] = {}  # likewise
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.counts, self.reasons = Counter[str](), Counter[str]()
        self.begun = self.last_written = time.monotonic()

    def run(self, engine_loop: EngineLoop) -> dict[str, Any]:
        """Ask, then write down until everything is answered."""
        from trm.solving.solve_request import SolveRequest

        solve_request = SolveRequest(
            self.questions,
            self.effort,
            self.solver.spec,
            self.solver.config.model,
            on_solution=lambda index, solution: self.found.put((index, solution)),
            on_step=self.found.put if self.trace else None,
            on_carry=self.left.__setitem__ if self.keep_carry else None,
            on_end=lambda: self.found.put(None),
            keep_trace=self.trace,
            priority=self.priority,
            carries=self.carries,
        )
        with engine_loop.solving(self.solver.engine, solve_request):
            while self._gather():
                self._write()
            self._write()
        return self._make_result()

    def _gather(self) -> bool:
        """Take what was found until it is time to write: many rows, some time after the last write, or a heartbeat is due."""
        first_write = self.last_written == self.begun
        pause = 0.0 if first_write else PAUSE_SECONDS[self.trace]
        due = self.last_written + self.worker.settings.heartbeat_seconds
        while len(self.rows) + len(self.events) < MOST_ROWS:
            if self.rows or self.events:
                due = self.last_written + pause
            try:
                item = self.found.get(timeout=max(0.0, due - time.monotonic()))
            except Empty:
                return True
            if item is None:
                return False
            self._note(item)
        return True

    def _note(self, item: "SolveStep | tuple[int, Solution]") -> None:
        if not isinstance(item, tuple):
            row = {"puzzle": item.index, **_make_step_row(item), "halted": item.halted}
            self.events.append(("step", row))
            return
        index, solution = item
        self.rows.append(self._make_row(index, solution))
        if self.keep_carry:
            self.new_carries[index] = self.left.pop(index).to_bytes()
            self.carry_bytes += len(self.new_carries[index])
        self.counts.update(n=1, verified=solution.verified is True, steps=solution.steps, total=solution.total_steps)
        self.reasons[solution.reason] += 1
        metrics = self.worker.metrics
        metrics.steps.observe(solution.steps)
        metrics.halt_probability.observe(solution.halt_probability)
        metrics.verified.labels(VERDICTS[solution.verified]).inc()
        metrics.puzzles.labels(solution.reason).inc()
        made_before = 0 if self.carries is None else int(self.carries[index].steps.sum())  # by chains that continue
        metrics.chain_steps.inc(solution.total_steps - made_before)

    def _write(self) -> None:
        """Rows, events and a heartbeat in one transaction; then see whether to continue."""
        events = self.events
        if self.rows:
            events = [*events, ("solved", {"count": len(self.rows), "answered": self.counts["n"]})]
        with self.worker.database.transaction() as session:
            signals = leases.heartbeat(session, self.claim, self.counts["n"])
            if self.rows:
                solutions.add(session, self.claim, self.rows)
                carries.add(session, self.claim, self.new_carries)
            if events:
                job_events.append(session, self.claim, events)
        self.rows, self.new_carries, self.events, self.last_written = [], {}, [], time.monotonic()
        stop_if_unwanted(self.worker, signals, is_done=self.counts["n"] >= len(self.questions))

    def _make_result(self) -> dict[str, Any]:
        counts = self.counts
        kept = {"carry_bytes": self.carry_bytes} if self.keep_carry else {}
        return kept | {
            "n": counts["n"],
            "verified": counts["verified"] if self.solver.spec.has_rules else None,
            "mean_supervision_steps": counts["steps"] / max(1, counts["n"]),
            "total_supervision_steps": counts["total"],
            "reasons": dict(self.reasons),
            "seconds": round(time.monotonic() - self.begun, 3),
        }

    def _make_row(self, index: int, solution: "Solution") -> Json:
        spec = self.solver.spec
        alike = {name: value for name, value in vars(solution).items() if name in solutions.COLUMNS}
        return alike | {
            "index": index,
            "question": text(spec, self.questions[index]),
            "answer": solution.answer,
            "trace": None if solution.trace is None else [_make_step_row(step) for step in solution.trace],
        }


def _make_step_row(step: "SolveStep") -> Json:
    return {
        "step": step.step,
        "chain": step.chain,
        "answer": step.answer,
        "halt_probability": step.halt_probability,
        "changed_cells": list(step.changed_cells),
        "verified": step.verified,
    }
