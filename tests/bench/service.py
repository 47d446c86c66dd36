"""The service's own costs: submitting, the way to the first step, recording a training."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
from prometheus_client import CollectorRegistry
from sqlalchemy import insert

from services.registry.db.database import Database
from services.registry.db.tables import RunMetric
from services.registry.metrics.metrics import TrainMetrics
from services.registry.runs import run_metrics
from services.registry.storage.storage import Storage
from tests.bench.load import Load, put
from tests.bench.row import Row, medians
from tests.bench.stand import Stand, stand
from tests.bench.tiny import BATCH, PUZZLE, claimed, config_of, model_of, opened, step_event
from trm.config.overrides import resolve
from trm.config.run import RunConfig
from trm.interface.events import StepMetrics, Updated
from trm.puzzles.datasets.datasets import load
from workers.context import Worker
from workers.training.child import Child
from workers.training.journal import Journal
from workers.training.progress import TrainingProgress
from workers.training.train import POLL_SECONDS

CLIENTS = 64


def rows(quick: bool) -> list[Row]:
    """Every comparison, on servers of its own."""
    with stand() as servers, opened(servers) as database:
        model = model_of(servers, database)
        return [
            *_submitting(servers, model, quick=quick),
            *_first_step(servers, model, quick=quick),
            _recording(database, quick=quick),
            _training(servers, database, quick=quick),
        ]


def _submitting(servers: Stand, model: str, *, quick: bool) -> Iterator[Row]:
    rounds, requests = (2, 300) if quick else (3, 640)
    bodies: dict[str, dict[str, Any]] = {
        "solve": {"model": model, "puzzle": PUZZLE},
        "training": {"preset": "sudoku-4x4", "overrides": {"train.steps": 100}},
    }
    with servers.gateway() as ours, servers.bare_app() as bare:
        for kind, body in bodies.items():
            loads = {ours: Load(), bare: Load()}
            for url in loads:
                put(Load(), f"{url}/v1/{kind}-jobs", body, clients=CLIENTS, requests=2 * CLIENTS)
            for _ in range(rounds):
                for url, seen in loads.items():
                    put(seen, f"{url}/v1/{kind}-jobs", body, clients=CLIENTS, requests=requests)
            yield from _submit_rows(kind, loads[ours], loads[bare])


def _submit_rows(kind: str, ours: Load, bare: Load) -> Iterator[Row]:
    note = f"{CLIENTS} clients at once; a durable row and a message here, a message alone there"
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        yield Row(
            f"submit a {kind} job, {name}, against FastAPI + Celery delay",
            ours.quantile(share),
            bare.quantile(share),
            "ms",
            target=0.5 if name == "p99" else None,  # at most twice as long
            note=note,
        )
    yield Row(
        f"submit {kind} jobs, against FastAPI + Celery delay",
        ours.per_second,
        bare.per_second,
        "jobs/s",
        lower_is_better=False,
        note=note,
    )


def _first_step(servers: Stand, model: str, *, quick: bool) -> Iterator[Row]:
    """From the POST to the first supervision step that a stream shows, and to the answer, where others poll."""
    with servers.gateway() as url, servers.solve_worker(), httpx2.Client(base_url=url, timeout=60) as client:
        streamed = [_streamed(client, model) for _ in range(5 if quick else 25)][2:]  # the first loads the model
        polled = [_polled(client, model) for _ in range(2 if quick else 4)]
    first, done = (1000 * statistics.median(times) for times in zip(*streamed, strict=True))
    baseline, note = 1000 * statistics.median(polled), "a tiny resident model; others poll once a second"
    yield Row(
        "submit to first supervision step streamed, p50, against polling the answer", first, baseline, "ms", note=note
    )
    yield Row("submit to answer streamed, p50, against polling it", done, baseline, "ms", note=note)


def _submit(client: httpx2.Client, model: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401
    response = client.post("/v1/solve-jobs", json={"model": model, "puzzle": PUZZLE, **options}).raise_for_status()
    job: dict[str, Any] = response.json()
    return job


def _streamed(client: httpx2.Client, model: str) -> tuple[float, float]:
    begun, seen = time.perf_counter(), dict[str, float]()
    job = _submit(client, model, trace=True)
    with client.stream("GET", job["links"]["events"], headers={"Accept": "text/event-stream"}) as stream:
        for line in stream.iter_lines():
            if line.startswith("event: "):
                seen.setdefault(line.removeprefix("event: "), time.perf_counter() - begun)
    return seen["step"], seen["done"]


def _polled(client: httpx2.Client, model: str) -> float:
    begun = time.perf_counter()
    job = _submit(client, model)
    while job["status"] != "succeeded":
        time.sleep(1)
        job = client.get(job["links"]["self"]).raise_for_status().json()
    return time.perf_counter() - begun


def _recording(database: Database, *, quick: bool) -> Row:
    """Metric rows as a worker writes them, against one INSERT and commit each."""
    with database.transaction() as session:
        claim = claimed(session, config_of())
    steps = iter(range(1, 10_000_000))

    def ours() -> None:
        with database.transaction() as session:
            run_metrics.add(session, claim, [step_event(next(steps)) for _ in range(BATCH)])

    def one_by_one() -> None:
        for _ in range(BATCH):
            row = {name: value for name, value in step_event(next(steps)).items() if name in run_metrics.COLUMNS}
            with database.transaction() as session:
                session.execute(insert(RunMetric).values(run_id=claim.training_run, attempt=1, **row))

    by_copy, by_insert = (BATCH / seconds for seconds in medians(ours, one_by_one, rounds=3 if quick else 10))
    what = "metric rows by COPY, against INSERT + commit"
    note = f"{BATCH} rows a transaction, fenced by the lease, fsync on"
    return Row(what, by_copy, by_insert, "rows/s", lower_is_better=False, target=10, note=note)


def _training(servers: Stand, database: Database, *, quick: bool) -> Row:
    """An update with everything recorded, against one of the same training that reports nothing.

    Both are timed in turns, for the note; but a machine that others use varies by more than recording takes. So the row
    adds to a lone update what recording costs in processor time, as if all of it were taken from the training.
    """
    steps, rounds = (20, 1) if quick else (60, 2)
    never = dict.fromkeys(("train.evaluate_every", "train.checkpoint_every"), steps + 1)
    few = {"train.evaluate_puzzles": 8, "train.test_puzzles": 8}
    spec = load("sudoku-4x4", "test").spec
    config = resolve("sudoku-4x4", spec, {"train.steps": steps, "train.log_every": 1, **never, **few})
    recorded, alone, cost = list[float](), list[float](), list[float]()
    for _ in range(rounds):
        moments, seconds = _recorded_training(servers, database, config)
        recorded += _differences(moments)
        cost.append(seconds / steps)
        alone += _differences(_lone_training(config))
    baseline, wall = 1000 * statistics.mean(alone), 1000 * statistics.mean(recorded)
    ours = baseline + 1000 * (min(cost) + _telling_seconds())
    note = f"sudoku-4x4, every update logged; in turns they took {wall:.1f} and {baseline:.1f} ms"
    name = "an update of a training with everything recorded, against alone"
    return Row(name, ours, baseline, "ms", target=0.99, note=note)


def _telling_seconds() -> float:
    """What it costs the trainer to print an update and its metrics."""
    event = step_event(1)
    metrics = StepMetrics(**{name: value for name, value in event.items() if name != "event"})

    def tell() -> None:
        for _ in range(100):
            for told in (Updated(1), metrics):
                print(told.as_json(), file=nowhere, flush=True)

    with Path(os.devnull).open("w") as nowhere:
        return medians(tell, rounds=5)[0] / 100


def _recorded_training(servers: Stand, database: Database, config: RunConfig) -> tuple[list[float], float]:
    """Seconds at each update as they were recorded, and the processor time that the recording took."""
    storage, metrics = Storage.of(servers.settings), TrainMetrics(CollectorRegistry())
    with database.transaction() as session:
        claim = claimed(session, config)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "run.json").write_text(config.model_dump_json())
        command = [sys.executable, "-m", "trm", "train", "--events", "--config", f"{folder}/run.json"]
        child = Child([*command, "--out", f"{folder}/checkpoints", "--device", "cpu"])
        worker = Worker(servers.settings, database, storage, metrics)
        seconds = _followed(Journal(worker, claim, TrainingProgress(config)), child)
    with database.transaction() as session:
        return [row.seconds for row in run_metrics.read(session, claim.training_run)], seconds


def _followed(journal: Journal, child: Child) -> float:
    """Bring the child's events into rows as a worker does; returns the processor time from the first update on."""
    begun = None
    try:
        while True:
            event = child.next_event(POLL_SECONDS)
            if event is not None:
                if begun is None and isinstance(event, Updated):
                    begun = time.process_time()
                journal.take(event)
            if journal.is_due:
                journal.write()
    except EOFError:
        journal.write()
        return time.process_time() - (begun or 0)
    finally:
        child.close()


def _lone_training(config: RunConfig) -> list[float]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(config.model_dump_json())
        file.flush()
        command = [sys.executable, "-m", "tests.bench.train_alone", file.name]
        seconds: list[float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return seconds


def _differences(moments: list[float]) -> list[float]:
    """Of neighbours; the first few updates warm up."""
    return [later - earlier for earlier, later in pairwise(moments[5:])]
