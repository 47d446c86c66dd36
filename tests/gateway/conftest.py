"""The gateway over a real database and broker; `book` writes rows as a worker would, through the real registry."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.gateway.app import create_app
from services.gateway.backends import Backends
from services.gateway.server import Server
from services.registry.jobs import carries, completion, job_events, job_logs, leases, solutions
from services.registry.jobs.leases import Claim
from services.registry.runs import checkpoints, run_metrics
from services.registry.settings import Settings
from services.registry.states import JobKind, JobStatus
from services.stack import broker
from tests.fresh import new_job, new_run
from trm.config.overrides import resolve
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import spec_for

SUDOKU = spec_for(4)
FILES = {
    "meta.json": b'{"files": {}}',
    "weights.safetensors": bytes(range(256)) * 8,
}  # of a checkpoint, as far as is read
HERE = "http://localhost"  # what a gateway without keys is asked by


@pytest.fixture
def app(settings: Settings) -> Iterator[FastAPI]:
    app = create_app(settings)
    yield app
    app.state.backends.close()


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url=HERE) as client:
        yield client


@pytest.fixture(scope="module")
def shared_app(
    shared_database_url: str, broker_sockets: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FastAPI]:
    """A gateway for all tests of a file: to start one costs a tenth of a CPU-second, what is refused at once nearly nothing."""
    folder = tmp_path_factory.mktemp("shared")
    app = create_app(Settings(database_url=shared_database_url, broker_url=broker.url(broker_sockets), data_dir=folder))
    yield app
    app.state.backends.close()


@pytest.fixture(scope="module")
def shared_client(shared_app: FastAPI) -> Iterator[TestClient]:
    with TestClient(shared_app, base_url=HERE) as client:
        yield client


class Book:
    """What a worker writes."""

    def __init__(self, backends: Backends) -> None:
        self.database, self.storage = backends.database, backends.storage

    def training(self, puzzle: PuzzleSpec = SUDOKU, preset: str = "sudoku-6x6") -> tuple[str, Claim]:
        """A run whose job a worker has begun."""
        config = resolve(preset, puzzle)
        with self.database.transaction() as session:
            run = new_run(session, config)
            job = new_job(session, JobKind.TRAIN, {}, run_id=run.id, total_steps=100)
        return run.id, self.claim(job.id)

    def claim(self, job_id: str) -> Claim:
        with self.database.transaction() as session:
            claim = leases.claim(session, job_id, "tests", 30)
        assert claim is not None
        return claim

    def heartbeat(self, claim: Claim, step: int) -> None:
        with self.database.transaction() as session:
            leases.heartbeat(session, claim, step)

    def checkpoint(self, claim: Claim, step: int = 100) -> str:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in FILES.items():
                Path(folder, name).write_bytes(content)
            url = self.storage.put_folder(Path(folder), f"{claim.place}/step_{step}")
        with self.database.transaction() as session:
            metrics = {"exact_accuracy": 0.5}
            return checkpoints.add(session, claim, step=step, url=url, digest="d" * 64, size=1000, metrics=metrics).id

    def metric(self, claim: Claim, step: int) -> None:
        event = dict.fromkeys(run_metrics.COLUMNS, 0.5) | {"step": step, "puzzles_finished": 7}
        arrays = {"slots": [3, 0], "halted": [0.5, None], "halt_probability": [0.5, None]}
        with self.database.transaction() as session:
            run_metrics.add(session, claim, [event | arrays | {"step_exact_accuracy": [0.25, None]}])

    def event(self, claim: Claim, kind: str, **data: object) -> None:
        with self.database.transaction() as session:
            job_events.append(session, claim, [(kind, data)])

    def lines(self, claim: Claim, *lines: str) -> None:
        with self.database.transaction() as session:
            job_logs.append(session, claim, lines)

    def solve(
        self, claim: Claim, count: int = 1, trace: list[dict[str, Any]] | None = None, carry: bytes | None = None
    ) -> None:
        """Answers to every puzzle, and the end of the job."""
        fixed = {"question": "." * 16, "answer": "1" * 16, "verified": False, "halt_probability": 0.5, "steps": 16}
        chains = {"total_steps": 16, "reason": "budget", "chosen_by": "only", "chain": 0, "votes": 1, "chains": 1}
        rows = [{"index": index, "trace": trace, **fixed, **chains} for index in range(count)]
        kept = {"carry_bytes": count * len(carry)} if carry else {}
        result = kept | {"n": count, "verified": 0, "mean_supervision_steps": 16.0, "seconds": 0.1}
        with self.database.transaction() as session:
            solutions.add(session, claim, rows)
            carries.add(session, claim, dict.fromkeys(range(count), carry) if carry else {})
            completion.finish(session, claim, JobStatus.SUCCEEDED, result=result)


@pytest.fixture
def book(app: FastAPI) -> Book:
    return Book(app.state.backends)


@pytest.fixture
def model(book: Book) -> str:
    """A checkpoint for 4x4 Sudoku, as far as the gateway can tell."""
    return book.checkpoint(book.training()[1])


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A folder in which no server has a socket."""
    folder = tmp_path / "nowhere"
    folder.mkdir()
    return folder


@pytest.fixture
def without_database(settings: Settings, nowhere: Path) -> Iterator[TestClient]:
    """A gateway whose database is down."""
    down = settings.model_copy(
        update={"database_url": f"postgresql+psycopg://trm@/trm?host={nowhere}", "webhooks": True}
    )
    with TestClient(create_app(down), base_url=HERE) as client:
        yield client


@pytest.fixture
def without_broker(settings: Settings, nowhere: Path) -> Iterator[TestClient]:
    """A gateway whose broker is down."""
    down = settings.model_copy(update={"broker_url": f"redis+socket://{nowhere}/broker.sock"})
    with TestClient(create_app(down), base_url=HERE) as client:
        yield client


@pytest.fixture
def server(app: FastAPI) -> Iterator[Server]:
    """The gateway on a real socket, as deployed."""
    with served(app) as server:
        yield server


@contextmanager
def served(app: FastAPI) -> Iterator[Server]:
    """An app on a real socket."""
    server = Server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()
