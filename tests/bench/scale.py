"""`python -m tests.bench.scale`: many queued jobs and many workers on one Postgres and one broker, beside a bare FastAPI + Celery."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import redis
import typer
from rich.console import Console

from services.registry.db.database import Database
from services.registry.jobs import retention
from services.registry.jobs.retention import Limits
from services.registry.states import JobKind
from services.stack.broker import SOCKET
from tests.bench.load import Load, put
from tests.bench.machine import processor
from tests.bench.row import Row, table
from tests.bench.scale_costs import WRITTEN, ask, measure, processor_seconds
from tests.bench.scale_workers import LOGGED_STEPS, simulated, solve_jobs, take_messages, train
from tests.bench.stand import Stand, stand
from tests.bench.tiny import PUZZLE, model_of, opened
from workers.reaper import REMOVED_AT_ONCE

CLIENTS, ROUNDS = 64, 10
LEASE_SECONDS, HEARTBEAT_SECONDS, THINK_SECONDS = 10.0, 2.0, 4.0
KILLED_AFTER_SECONDS = 15.0
TRAIN_SECONDS = 10.0
SOLVE_TABLES = ("jobs", "job_attempts", "job_events", "solutions")
BARE_QUEUE = "celery"  # what Celery calls its queue unless told otherwise
console = Console(width=200)


@dataclass(frozen=True)
class Phase:
    """One part of the run."""

    name: str
    count: int  # of jobs, messages or writes
    seconds: float
    database_cpu: float  # processor seconds of the server
    broker_cpu: float
    details: dict[str, float]

    @property
    def per_second(self) -> float:
        """How many were done in a second."""
        return self.count / self.seconds


class Meter:
    """Measures what happens between its making and `read`."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.database, self.broker = processor_seconds("postgres"), processor_seconds("valkey")

    def read(self, name: str, count: int, **details: float) -> Phase:
        """What was seen since."""
        seconds = time.perf_counter() - self.begun
        database = processor_seconds("postgres") - self.database
        phase = Phase(name, count, seconds, database, processor_seconds("valkey") - self.broker, details)
        each = 1000 * database / count
        console.print(f"{name}: {phase.per_second:.1f} a second, {each:.2f} ms of database each")
        return phase


def main(
    jobs: Annotated[int, typer.Option(help="Solve jobs to submit.")] = 10_000,
    workers: Annotated[int, typer.Option(help="Simulated workers.")] = 200,
    out: Annotated[Path, typer.Option(help="Where the figures go, as JSON.")] = Path("scale.json"),
) -> None:
    """Submit, solve, lose a quarter of the workers, record trainings, remove; print ratios to the bare service."""
    begun = time.monotonic()
    with stand(max_connections=2 * workers + 100) as servers, opened(servers) as database:
        rows, phases, facts = _run(servers, database, jobs, workers)
    facts |= {"machine": f"{processor()}, {os.cpu_count()} cores", "jobs": jobs, "workers": workers}
    written = {"facts": facts, "phases": [asdict(phase) for phase in phases], "rows": [row.as_dict() for row in rows]}
    out.write_text(json.dumps(written, indent=1) + "\n")
    console.print(table(rows))
    console.print_json(json.dumps(facts))
    console.print(f"{time.monotonic() - begun:.0f} s; figures in {out}")


def _run(servers: Stand, database: Database, jobs: int, workers: int) -> tuple[list[Row], list[Phase], dict[str, Any]]:
    model, before = model_of(servers, database), _sizes(database)
    rows = list(_submit(servers, model, jobs))
    costs = [asdict(cost) for cost in measure(database, servers.settings)]
    fast, paced = _drain(servers, database, jobs, workers)
    facts: dict[str, Any] = {
        "costs": costs,
        "bytes_per_solve": _growth(database, before, SOLVE_TABLES, jobs),
        **_proof(database, jobs),
    }
    taken = _take(servers, jobs, workers)
    note = f"{workers} workers at once: claimed, answered and ended here, a message taken there"
    better = {"lower_is_better": False, "note": note}
    rows.append(Row("work off the queue", fast.per_second, taken.per_second, "jobs/s", **better))  # type: ignore[arg-type]
    before = _sizes(database)
    recorded, kept = _train(servers, database, workers)
    facts["bytes_per_logged_step"] = _growth(database, before, ("run_metrics",), LOGGED_STEPS * recorded.count)
    return rows, [fast, paced, taken, recorded, _remove(database)], facts | kept


def _submit(servers: Stand, model: str, jobs: int) -> Iterator[Row]:
    """The same requests to both, in turns."""
    body: dict[str, Any] = {"model": model, "puzzle": PUZZLE}
    ours, bare = Load(), Load()
    with servers.gateway() as url, servers.bare_app() as bare_url:
        for _ in range(ROUNDS):
            for load, base in ((ours, url), (bare, bare_url)):
                put(load, f"{base}/v1/solve-jobs", body, clients=CLIENTS, requests=jobs // ROUNDS)
    note = f"{CLIENTS} clients at once, {jobs} jobs waiting at the end"
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        yield Row(f"submit a job, {name}", ours.quantile(share), bare.quantile(share), "ms", note=note)
    yield Row("submit jobs", ours.per_second, bare.per_second, "jobs/s", lower_is_better=False, note=note)


def _drain(servers: Stand, database: Database, jobs: int, workers: int) -> tuple[Phase, Phase]:
    """Half of the queue as fast as it goes; the rest at the pace of a model, while a quarter of the workers is killed."""
    times = {"lease_seconds": LEASE_SECONDS, "heartbeat_seconds": HEARTBEAT_SECONDS}
    settings = servers.settings.model_copy(update=times)
    with servers.worker("reaper"):
        with simulated(solve_jobs, workers, settings, 0.0) as crowd:
            meter, before = Meter(), _finished(database)
            crowd.work_until(lambda: _finished(database) >= before + (jobs - before) // 2)
            seen, done = crowd.end(), _finished(database)
            fast = meter.read("claim and solve as fast as it goes", done - before, **_quantiles("claim", seen.claims))
        with simulated(solve_jobs, workers, settings, THINK_SECONDS) as crowd:
            meter, begun = Meter(), time.monotonic()
            crowd.work_until(lambda: time.monotonic() > begun + KILLED_AFTER_SECONDS or _finished(database) == jobs)
            crowd.kill_one()
            crowd.work_until(lambda: _finished(database) == jobs)
            seen = crowd.end()
            quantiles = _quantiles("claim", seen.claims) | _quantiles("heartbeat", seen.writes)
            paced = meter.read("solve at a model's pace, a quarter killed", jobs - done, **quantiles)
    return fast, paced


def _take(servers: Stand, jobs: int, workers: int) -> Phase:
    """What the bare service has queued."""
    with (
        redis.Redis(unix_socket_path=str(servers.folder / SOCKET)) as client,
        simulated(take_messages, workers, servers.settings, BARE_QUEUE) as crowd,
    ):
        meter = Meter()
        crowd.work_until(lambda: client.llen(BARE_QUEUE) == 0)
        return meter.read("take messages and do nothing", jobs)


def _train(servers: Stand, database: Database, workers: int) -> tuple[Phase, dict[str, float]]:
    """All workers record a training at once, as fast as the database takes it."""
    hot = "SELECT n_tup_hot_upd::float / greatest(n_tup_upd, 1) FROM pg_stat_user_tables WHERE relname = 'jobs'"
    with simulated(train, workers, servers.settings, TRAIN_SECONDS) as crowd:
        ask(database, "SELECT pg_stat_reset()::text")
        meter, before = Meter(), ask(database, WRITTEN)
        crowd.work_until(lambda: False)
        seen = crowd.end()
        phase = meter.read("record trainings", len(seen.writes), **_quantiles("write", seen.writes))
    wal = float(ask(database, WRITTEN) - before) / phase.count
    time.sleep(1)  # statistics are late
    return phase, {"wal_bytes_per_write": round(wal), "share_of_hot_updates": ask(database, hot)}


def _remove(database: Database) -> Phase:
    """All that has ended but one job, in batches as the reaper removes it."""
    meter, removed, batches = Meter(), 0, list[float]()
    batch = REMOVED_AT_ONCE
    while batch == REMOVED_AT_ONCE:
        begun = time.perf_counter()
        with database.transaction() as session:
            batch = retention.remove_jobs(session, JobKind.SOLVE, Limits(0, 1), REMOVED_AT_ONCE)
        batches.append(time.perf_counter() - begun)
        removed += batch
    return meter.read(f"remove ended jobs, {REMOVED_AT_ONCE} at once", removed, **_quantiles("batch", batches))


def _proof(database: Database, jobs: int) -> dict[str, int]:
    """What became of the jobs; raises RuntimeError unless each succeeded once, and left one answer and one end."""
    end = "SELECT count(*) FROM job_events JOIN jobs ON id = job_id WHERE type = 'done' AND kind = 'solve'"
    facts = {
        "succeeded": ask(database, "SELECT count(*) FROM jobs WHERE kind = 'solve' AND status = 'succeeded'"),
        "answers": ask(database, "SELECT count(*) FROM solutions"),
        "ends": ask(database, end),
        "successes": ask(database, "SELECT count(*) FROM job_attempts WHERE outcome = 'succeeded'"),
    }
    if any(count != jobs for count in facts.values()):
        raise RuntimeError(f"of {jobs} jobs some were lost or doubled: {facts}")
    return facts | {"lost_attempts": ask(database, "SELECT count(*) FROM job_attempts WHERE outcome = 'lost'")}


def _finished(database: Database) -> int:
    return int(ask(database, "SELECT count(*) FROM jobs WHERE kind = 'solve' AND finished_at IS NOT NULL"))


def _sizes(database: Database) -> dict[str, int]:
    """Bytes of the tables that grow, with indexes and TOAST."""
    grow = ("run_metrics", *SOLVE_TABLES)
    return {name: ask(database, f"SELECT pg_total_relation_size('{name}')") for name in grow}


def _growth(database: Database, before: dict[str, int], tables: Sequence[str], count: int) -> dict[str, int]:
    """Bytes for each of so many."""
    after = _sizes(database)
    return {name: round((after[name] - before[name]) / count) for name in tables}


def _quantiles(name: str, seconds: list[float]) -> dict[str, float]:
    """Of durations, in milliseconds."""
    ordered = sorted(seconds)
    at = {share: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.99)}
    return {f"{name}_p{100 * share:g}_ms": round(1000 * value, 2) for share, value in at.items()}


if __name__ == "__main__":
    typer.run(main)
