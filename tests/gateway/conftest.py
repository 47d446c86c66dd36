"""The gateway over a real database and broker, and a stand-in for a worker's writes (through the real registry)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.gateway.app import create_app
from services.gateway.backends import Backends
from services.registry import checkpoints, endings, job_events, jobs, leases, runs, solutions
from services.registry.settings import Settings
from services.registry.states import JobKind, JobStatus
from trm.presets import resolve
from trm.puzzles.sudoku import spec_for

QUESTION = "1..43.4.2.3.4..2"  # 4x4: one solution
PUZZLE_4X4 = "1..4.4..4.2..1.."


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


@dataclass
class Book:
    """Writes rows as a worker would, through the registry."""

    backends: Backends

    def run(self, size: int = 4, **overrides: object) -> str:
        config = resolve("sudoku-6x6", spec_for(size), overrides, dataset=f"sudoku-{size}x{size}")
        with self.backends.database.transaction() as session:
            return runs.create(session, config).id

    def training(self, size: int = 4) -> tuple[str, leases.Claim]:
        """A run whose job is being worked on."""
        run_id = self.run(size)
        with self.backends.database.transaction() as session:
            job = jobs.submit(session, JobKind.TRAIN, {}, run_id=run_id, total_steps=100)
        return run_id, self.claim(job.id)

    def checkpoint(self, claim: leases.Claim, step: int = 100) -> str:
        with self.backends.database.transaction() as session:
            row = checkpoints.add(
                session,
                claim,
                step=step,
                url=f"memory://{step}",
                digest="d" * 64,
                size=1000,
                metrics={"exact_accuracy": 0.5},
            )
            return row.id

    def claim(self, job_id: str) -> leases.Claim:
        with self.backends.database.transaction() as session:
            claim = leases.claim(session, job_id, "tests", 30)
        assert claim is not None
        return claim

    def event(self, claim: leases.Claim, kind: str, **data: object) -> None:
        with self.backends.database.transaction() as session:
            job_events.append(session, claim, [(kind, data)])

    def solved(self, claim: leases.Claim, count: int = 1) -> None:
        """Answers for every puzzle, and the end of the job."""
        rows = [
            solutions.SolutionRow(
                index=index,
                question="." * 16,
                answer="1" * 16,
                verified=False,
                halt_probability=0.5,
                steps=16,
                halted=False,
                trace=None,
            )
            for index in range(count)
        ]
        result = {"n": count, "verified": 0, "mean_supervision_steps": 16.0, "seconds": 0.1}
        with self.backends.database.transaction() as session:
            solutions.add(session, claim, rows)
            endings.finish(session, claim, JobStatus.SUCCEEDED, result=result)


@pytest.fixture
def book(app: FastAPI) -> Book:
    return Book(app.state.backends)


@pytest.fixture
def model(book: Book) -> str:
    """A checkpoint for 4x4 Sudoku, as far as the gateway can tell."""
    _, claim = book.training()
    return book.checkpoint(claim)


@pytest.fixture
def nowhere(tmp_path: Path) -> str:
    """The path of a socket that nobody listens on."""
    return str(tmp_path / "nobody.sock")
