"""The evaluation task: a split's puzzles through a resident model's engine, counted there; this tells how far it is."""

import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.registry.access.visibility import EVERYTHING
from services.registry.jobs import job_events, jobs, leases
from services.registry.metrics.metrics import SolveMetrics
from trm.interface.effort import Effort
from trm.interface.report import Report
from trm.puzzles.datasets import datasets
from trm.puzzles.puzzle_set import PuzzleSet
from workers.attempt import stop_if_unwanted
from workers.context import Worker
from workers.heartbeats import kept_alive
from workers.solving.engine_loop import EngineLoop
from workers.solving.models import Models

if TYPE_CHECKING:
    from trm.solving.solver import Solver

TOLD_SECONDS = 1.0  # between two events that say how far it is


def evaluate(
    worker: Worker[SolveMetrics], claim: leases.Claim, models: Models, engine_loop: EngineLoop
) -> dict[str, Any]:
    """Examine the job's model; returns its result. Raises Cancelled, Released, Failed or StaleLease."""
    begun = time.monotonic()
    with worker.database.transaction() as session:
        job = jobs.get(session, EVERYTHING, claim.job_id)
        request, priority = job.request, job.priority
    with ExitStack() as held:
        with kept_alive(worker, claim):
            puzzles = _load_puzzles(worker, request)
            solver = held.enter_context(models.acquired(request["model"]))
        report = _Evaluating(worker, claim, solver.resize(puzzles.spec), puzzles, request, priority).run(engine_loop)
    said = {name: request[name] for name in ("effort", "split")} | {"dataset": request["dataset"]["name"]}
    return said | {"report": report.model_dump(mode="json"), "seconds": round(time.monotonic() - begun, 3)}


def _load_puzzles(worker: Worker[SolveMetrics], request: dict[str, Any]) -> PuzzleSet:
    dataset, split = request["dataset"], request["split"]
    source: str | Path = dataset["name"]
    if dataset["url"] is not None:
        folder = worker.scratch / "datasets" / str(dataset["url"]).rstrip("/").rpartition("/")[2]
        source = worker.storage.fetch_folder(dataset["url"], folder)
    return datasets.load(source, split).take(request["limit"])


class _Evaluating:
    """One job: the engine thinks and counts, this keeps the lease and looks whether it is still wanted."""

    def __init__(
        self,
        worker: Worker[SolveMetrics],
        claim: leases.Claim,
        solver: "Solver",
        puzzles: PuzzleSet,
        request: dict[str, Any],
        priority: int,
    ) -> None:
        from trm.evaluation.examine import Examination

        self.worker, self.claim, self.engine, self.split = worker, claim, solver.background, request["split"]
        self.ended, effort = threading.Event(), Effort(**request["effort"])
        self.examination = Examination(solver, puzzles, effort, on_end=self.ended.set, priority=priority)
        self.reported = 0

    def run(self, engine_loop: EngineLoop) -> Report:
        """Ask, and say how far it is until everything is answered."""
        solve_request, pause = self.examination.solve_request, min(TOLD_SECONDS, self.worker.settings.heartbeat_seconds)
        with engine_loop.solving(self.engine, solve_request):
            while not self.ended.wait(pause):
                self._tell()
            self._tell()
        return self.examination.report()

    def _tell(self) -> None:
        """How far it is, and a heartbeat, in one transaction; then see whether to continue."""
        through, n = len(self.examination.found), len(self.examination.puzzles)
        with self.worker.database.transaction() as session:
            signals = leases.heartbeat(session, self.claim, through)
            if through > self.reported:
                progress = {"split": self.split, "through": through, "n": n}
                job_events.append(session, self.claim, [("evaluating", progress)])
        self.reported = through
        stop_if_unwanted(self.worker, signals, is_done=through >= n)
