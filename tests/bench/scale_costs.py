"""What single operations cost the database: processor time and write-ahead log, which a busy machine falsifies less than clocks."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from services.registry.db.database import Database
from services.registry.jobs import completion, leases
from services.registry.metrics.metrics import SolveMetrics, TrainMetrics
from services.registry.settings import Settings
from services.registry.states import JobKind, JobStatus
from services.registry.storage.storage import Storage
from tests.bench.scale_workers import LOGGED_STEPS, answer, record
from tests.bench.tiny import LEASE_SECONDS, claimed, config_of
from workers.context import Worker
from workers.training.journal import Journal
from workers.training.progress import TrainingProgress

TIMES = 200
WRITTEN = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"


@dataclass(frozen=True)
class Cost:
    """Of one operation, on average."""

    what: str
    database_ms: float  # of processor time
    wal_bytes: float


def processor_seconds(name: str) -> float:
    """Of our own servers of this name, and of their children, those that have ended included."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.name().startswith(name):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


def ask(database: Database, query: str) -> Any:  # noqa: ANN401
    """The one value that a query finds."""
    with database.transaction() as session:
        return session.execute(text(query)).scalar_one()


def measure(database: Database, settings: Settings) -> list[Cost]:
    """Costs with the queue as it is; works off some of its solve jobs."""
    worker = Worker(settings, database, Storage.of(settings), SolveMetrics(CollectorRegistry()))
    trainer = Worker(settings, database, Storage.of(settings), TrainMetrics(CollectorRegistry()))
    config, claims = config_of(), list[leases.Claim]()
    with database.transaction() as session:
        journal = Journal(trainer, claimed(session, config), TrainingProgress(config))

    def claim(_: int) -> None:
        with database.transaction() as session:
            found = leases.claim_next(session, JobKind.SOLVE, "job_none", worker.name, LEASE_SECONDS)
            assert found is not None
            claims.append(found)

    def beat(n: int) -> None:
        with database.transaction() as session:
            leases.heartbeat(session, claims[n], 0)

    def end(n: int) -> None:
        answer(worker, claims[n])
        with database.transaction() as session:
            completion.finish(session, claims[n], JobStatus.SUCCEEDED, result={"n": 1})

    acts: dict[str, Callable[[int], object]] = {
        "claim a job": claim,
        "extend a lease": beat,
        "answer a puzzle and end the job": end,
        f"record {LOGGED_STEPS} logged steps of a training": lambda n: record(journal, n * LOGGED_STEPS),
    }
    return [_measure(database, what, act) for what, act in acts.items()]


def _measure(database: Database, what: str, act: Callable[[int], object]) -> Cost:
    ask(database, "SELECT pg_switch_wal()::text")
    seconds, written = processor_seconds("postgres"), ask(database, WRITTEN)
    for n in range(TIMES):
        act(n)
    seconds, written = processor_seconds("postgres") - seconds, ask(database, WRITTEN) - written
    return Cost(what, round(1000 * seconds / TIMES, 2), round(float(written) / TIMES))
