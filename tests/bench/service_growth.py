"""How the service's costs grow: with the queue, and with the metric rows."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import text

from services.gateway.views.answers import render_created
from services.registry.db.database import Database
from services.registry.db.tables import Job
from services.registry.jobs import job_counts, jobs, leases, rescue
from services.registry.runs import run_metrics
from services.registry.states import JobKind
from services.registry.submissions import submissions
from services.registry.submissions.backlog import Caps
from services.registry.submissions.submissions import Submission
from tests.bench.row import medians
from tests.bench.stand import stand
from tests.bench.tiny import BATCH, LEASE_SECONDS, PUZZLE, claimed, config_of, model_of, opened, step_event

CURVE_ROWS = 100_000  # of one run, while the table grows by more runs
QUEUES = (0, 1_000, 10_000, 100_000)
TABLES = (10_000, 100_000, 1_000_000, 10_000_000)


def growth(most_metric_rows: int = 1_000_000) -> list[dict[str, Any]]:
    """What it costs to work with ever longer queues, and with ever more metric rows up to so many."""
    with stand() as servers, opened(servers) as database:
        model = model_of(servers, database)
        return [*_queue_growth(database, model), *_metrics_growth(database, most_metric_rows)]


def _queue_growth(database: Database, model: str) -> Iterator[dict[str, Any]]:
    filled = 0
    for depth in QUEUES:
        _fill_queue(database, model, depth - filled)
        filled = depth
        for what, act in _queue_acts(database, model).items():
            yield {"what": what, "x": depth, "seconds": _median(act)}


def _fill_queue(database: Database, model: str, count: int) -> None:
    """Queued jobs that were announced just now, as a long queue is."""
    with database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO jobs (id, kind, request, model_id, max_attempts, total_steps, published_at) "
                "SELECT 'job_' || gen_random_uuid(), 'solve', '{}', :model, 3, 1, now() + interval '1 hour' "
                "FROM generate_series(1, :count)"
            ),
            {"model": model, "count": count},
        )
    _analyse(database)


def _queue_acts(database: Database, model: str) -> dict[str, Callable[[], object]]:
    def submit() -> str:
        row = jobs.new_row(JobKind.SOLVE, {"puzzles": [PUZZLE]}, model_id=model, total_steps=1)
        with database.transaction() as session:
            [made] = submissions.record(session, [Submission(row)], Caps(10**9, 10**9), render_created)
            assert isinstance(made, Job), made
            return made.id

    waiting = [submit() for _ in range(100)]

    def claim() -> None:
        with database.transaction() as session:
            leases.claim(session, waiting.pop(), "bench", LEASE_SECONDS)

    def round_() -> None:
        with database.transaction() as session:
            rescue.rescue_expired(session)
        with database.transaction() as session:
            rescue.mark_published(session, [told.job_id for told in rescue.never_announced(session)])
        with database.transaction() as session:
            job_counts.due(session, JobKind.SOLVE)
            rescue.long_announced(session, JobKind.SOLVE, 30, 1000)
        with database.transaction() as session:
            job_counts.take(session)

    def list_() -> None:
        with database.transaction() as session:
            jobs.page(session, limit=100)

    return {"queue: submit": submit, "queue: claim": claim, "queue: reaper's round": round_, "queue: list 100": list_}


def _metrics_growth(database: Database, most: int) -> Iterator[dict[str, Any]]:
    filled = 0
    for size in (size for size in TABLES if size <= most):
        while filled < size:
            run_id, count = _fill_run(database, min(CURVE_ROWS, size) - filled % CURVE_ROWS)
            filled += count
        _analyse(database)
        for what, act in _metric_acts(database, run_id, count).items():
            yield {"what": what, "x": size, "seconds": _median(act)}


def _fill_run(database: Database, count: int) -> tuple[str, int]:
    """One more run with so many rows."""
    shares = "array_fill(0.5::real, ARRAY[16])"
    with database.transaction() as session:
        run_id = claimed(session, config_of()).training_run
        session.execute(text("SET LOCAL session_replication_role = replica"))  # no check of the run, row by row
        session.execute(
            text(
                "INSERT INTO run_metrics SELECT :run, step, 1, step, 1, 1, 1, 1e-4, step, 80, 0.5, 0.5, 0.5, 4, "
                f"array_fill(8::bigint, ARRAY[16]), {shares}, {shares}, {shares} FROM generate_series(1, :count) AS step"
            ),
            {"run": run_id, "count": count},
        )
    return run_id, count


def _metric_acts(database: Database, run_id: str, length: int) -> dict[str, Callable[[], object]]:
    with database.transaction() as session:
        claim = claimed(session, config_of())
    steps = iter(range(1, 1_000_000))

    def append() -> None:
        with database.transaction() as session:
            run_metrics.add(session, claim, [step_event(next(steps)) for _ in range(BATCH)])

    def reads(**options: int) -> Callable[[], None]:
        def read() -> None:
            with database.transaction() as session:
                run_metrics.read(session, run_id, limit=1000, **options)

        return read

    return {
        f"metrics: append {BATCH}": append,
        "metrics: read the first 1000": reads(),
        "metrics: read the last 1000": reads(after_step=length - 1000),
        "metrics: read 1000 of the whole curve": reads(every=max(2, length // 1000)),
    }


def _median(act: Callable[[], object], times: int = 15) -> float:
    return medians(act, rounds=times)[0]


def _analyse(database: Database) -> None:
    """What autovacuum would do in a moment."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE jobs, run_metrics"))
