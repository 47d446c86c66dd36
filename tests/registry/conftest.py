"""A real database, and short ways to bring jobs into any state."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.orm import Session

from services.registry.db.database import Database
from services.registry.db.tables import Job
from services.registry.jobs import completion, jobs, leases
from services.registry.jobs.transitions import Failure
from services.registry.runs import checkpoints
from services.registry.states import JobKind, JobStatus
from tests.fresh import new_job, new_run
from trm.config.run import RunConfig
from trm.puzzles.spec import PuzzleSpec

SPEC = PuzzleSpec(kind="sudoku", rows=4, cols=4, symbols=(".", "1", "2", "3", "4"), box=(2, 2))
CONFIG = RunConfig(preset="tiny", dataset="sudoku-4x4", puzzle=SPEC)
DEAD = Failure("trainer_died", "The trainer was killed.")
LEASE_SECONDS = 30.0


@dataclass
class Book:
    """Does to a job what the gateway and the workers do, each in a transaction of its own."""

    database: Database

    def transaction(self) -> AbstractContextManager[Session]:
        return self.database.transaction()

    def train(self, max_attempts: int = 3, total_steps: int | None = None, **job_limits: int) -> Job:
        with self.transaction() as session:
            run_id = new_run(session, CONFIG).id
            return new_job(
                session,
                JobKind.TRAIN,
                {},
                run_id=run_id,
                max_attempts=max_attempts,
                job_limits=jobs.JobLimits(**job_limits),
                total_steps=total_steps,
            )

    def claim(self, job_id: str, *, worker: str = "worker-1", lease_seconds: float = LEASE_SECONDS) -> leases.Claim:
        with self.transaction() as session:
            claim = leases.claim(session, job_id, worker, lease_seconds)
        assert claim is not None
        return claim

    def training(self, *, worker: str = "worker-1", lease_seconds: float = LEASE_SECONDS) -> leases.Claim:
        """A training job in a worker's hands."""
        return self.claim(self.train().id, worker=worker, lease_seconds=lease_seconds)

    def model(self) -> str:
        """The id of a checkpoint."""
        claim = self.training()
        with self.transaction() as session:
            return checkpoints.add(session, claim, step=10, url="memory://x", digest="d", size=1, metrics={}).id

    def solve(self) -> Job:
        model = self.model()
        with self.transaction() as session:
            return new_job(session, JobKind.SOLVE, {}, model_id=model)

    def get(self, job_id: str) -> Job:
        with self.transaction() as session:
            return jobs.get(session, job_id)

    def finish(self, claim: leases.Claim, status: JobStatus = JobStatus.SUCCEEDED) -> None:
        with self.transaction() as session:
            completion.finish(session, claim, status, failure=DEAD if status is JobStatus.FAILED else None)

    def job_in(self, status: JobStatus) -> str:
        """The id of a training job in this state."""
        if status is JobStatus.QUEUED:
            return self.train().id
        claim = self.training()
        if status is JobStatus.PAUSED:
            with self.transaction() as session:
                jobs.request_pause(session, claim.job_id)
                completion.release(session, claim)
        elif status is not JobStatus.RUNNING:
            self.finish(claim, status)
        return claim.job_id


@pytest.fixture
def book(database: Database) -> Book:
    return Book(database)


@pytest.fixture
def step_event() -> Callable[..., dict[str, Any]]:
    """Makes a trainer's `step` event."""

    def make(step: int, **fields: float) -> dict[str, Any]:
        event = {
            "event": "step", "step": step, "seconds": step / 10, "loss": 1 / step, "lm_loss": 0.75, "halt_loss": 0.25,
            "learning_rate": 1e-4, "puzzles_finished": step * 8, "puzzles_per_second": 80.0, "exact_accuracy": None,
            "cell_accuracy": 0.5, "halt_accuracy": 0.9, "mean_supervision_steps": 3.5, "slots": [8, 4, 0],
            "halted": [0.5, 1.0, None], "halt_probability": [0.25, 0.75, None], "step_exact_accuracy": [0.0, 0.5, None],
        }  # fmt: skip
        return event | fields

    return make
