"""A solve job of 10,000 puzzles through gateway, queue, worker and database, against the engine alone."""

import statistics
import time
from collections.abc import Iterator
from contextlib import closing

import httpx2
import numpy as np

from services.registry.db.database import Database
from services.registry.jobs import leases
from services.registry.runs import checkpoints
from services.registry.states import JobKind
from services.registry.storage.storage import Storage
from tests.bench.models import SHIPPED
from tests.bench.row import Row
from tests.bench.stand import Stand, stand
from tests.fresh import new_job, new_run
from trm.checkpoints.checkpoint import read_meta
from trm.interface.effort import Effort
from trm.puzzles.datasets.datasets import load
from trm.puzzles.grids import text
from trm.solving.solver import Solver

PUZZLES = 10_000


def rows(quick: bool) -> Iterator[Row]:
    """The shipped 6x6 model, halting by itself; engine and service take turns."""
    solver, some = Solver.load(SHIPPED, "cpu"), load("sudoku-6x6", "test").questions
    questions = np.resize(some, (2_000 if quick else PUZZLES, some.shape[1]))
    puzzles = [text(solver.spec, question) for question in questions]
    solver.engine.warm_up()
    alone, served = list[float](), list[tuple[float, float]]()
    with stand() as servers, closing(Database.of(servers.settings)) as database:
        model = _registered(servers, database)
        with servers.gateway() as url, servers.solve_worker(), httpx2.Client(base_url=url, timeout=120) as client:
            _served(client, model, puzzles[:64])  # loads the model
            for _ in range(1 if quick else 2):
                begun = time.perf_counter()
                solver.solve_tokens(questions, Effort(halt_threshold=0.5))
                alone.append(time.perf_counter() - begun)
                served.append(_served(client, model, puzzles))
    engine, (whole, working) = (
        statistics.median(alone),
        (statistics.median(times) for times in zip(*served, strict=True)),
    )
    note = "the engine alone, in this process"
    name = f"a job of {len(puzzles):,} 6x6 puzzles"
    yield Row(
        f"{name}, in the worker, answers in the database", working, engine, "s", target=0.9, floor=engine, note=note
    )
    yield Row(f"{name}, from POST to done", whole, engine, "s", target=0.9, floor=engine, note=note)


def _served(client: httpx2.Client, model: str, puzzles: list[str]) -> tuple[float, float]:
    """Seconds from the POST until the job has succeeded, and those of them that the worker counted."""
    begun = time.perf_counter()
    body = {"model": model, "puzzles": puzzles, "halt_threshold": 0.5}
    job = client.post("/v1/solve-jobs", json=body, headers={"Prefer": "wait=60"}).raise_for_status().json()
    if job["status"] != "succeeded":
        raise RuntimeError(f"the job has {job['status']}: {job['error']}")
    return time.perf_counter() - begun, job["result"]["seconds"]


def _registered(servers: Stand, database: Database) -> str:
    """The shipped model as a checkpoint of a run; its id."""
    meta = read_meta(SHIPPED)
    with database.transaction() as session:
        run = new_run(session, meta.config)
        training = new_job(session, JobKind.TRAIN, {}, run_id=run.id, total_steps=1)
        claim = leases.claim(session, training.id, "bench", 3600)
        if claim is None:
            raise RuntimeError("another worker has claimed the bench's job")
        url = Storage(servers.settings.storage_url).put_folder(SHIPPED, f"runs/{run.id}")
        return checkpoints.add(session, claim, step=1, url=url, digest="d", size=1, metrics={}).id
