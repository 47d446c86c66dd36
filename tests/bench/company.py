"""In company: solving and training through the service, each alone and both together on the same cores."""

import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from services.registry.db.database import Database
from services.registry.jobs import leases
from services.registry.runs import checkpoints
from services.registry.states import JobKind
from services.registry.storage.storage import Storage
from tests.bench.models import CPU, WITHOUT_PREFIX, sudokus, trainer
from tests.bench.row import Row
from tests.bench.stand import Stand, stand
from tests.fresh import new_job, new_run
from trm.puzzles.grids import text

STEPS = 16  # supervision steps of every solve
SOLVES, MOST_SECONDS = 40, 60.0
PACE_SECONDS = 30.0
PATIENCE = 180.0  # until the training has begun
SOLVE_TARGET, PACE_TARGET = 1 / 2.5, 0.5  # of what each has alone


@dataclass(frozen=True)
class Solves:
    """Seconds that solves took from request to answer, in rising order."""

    seconds: list[float]

    def quantile(self, share: float) -> float:
        """The time within which this share of them was answered."""
        return self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


class Service:
    """What the bench asks of it."""

    def __init__(self, client: httpx2.Client, model: str, puzzles: list[str]) -> None:
        self.client, self.model, self.puzzles = client, model, puzzles

    def solves(self, count: int) -> Solves:
        """One 9x9 Sudoku after the other, all steps each."""
        begun, seconds = time.perf_counter(), list[float]()
        for number in range(count):
            if len(seconds) > 2 and time.perf_counter() - begun > MOST_SECONDS:
                break
            started = time.perf_counter()
            puzzle = self.puzzles[number % len(self.puzzles)]
            body = {"model": self.model, "puzzle": puzzle, "max_steps": STEPS, "halt_threshold": None}
            headers = {"Prefer": "wait=60"}
            job = self.client.post("/v1/solve-jobs", json=body, headers=headers).raise_for_status().json()
            if job["status"] not in ("succeeded", "running", "queued"):
                raise RuntimeError(f"the solve job has {job['status']}: {job['error']}")
            seconds.append(time.perf_counter() - started)
        return Solves(sorted(seconds))

    def training(self) -> str:
        """The id of a long training of the 6x6 preset that has begun to make updates."""
        changes = {"train.steps": 1_000_000, "train.evaluate_every": 1_000_000, "train.checkpoint_every": 1_000_000}
        body = {"preset": "sudoku-6x6", "overrides": changes}
        job = self.client.post("/v1/training-jobs", json=body).raise_for_status().json()
        deadline = time.monotonic() + PATIENCE
        while self.step(job["id"]) < 20:
            if time.monotonic() > deadline:
                raise RuntimeError("the training has not begun")
            time.sleep(0.5)
        return str(job["id"])

    def step(self, job_id: str) -> int:
        """How many updates a training has made."""
        job: dict[str, Any] = self.client.get(f"/v1/jobs/{job_id}").raise_for_status().json()
        return int(job["progress"]["step"])


def rows(quick: bool) -> Iterator[Row]:
    """Above 1 would be better than alone; the targets say how much company may cost."""
    count, seconds = (10, 10.0) if quick else (SOLVES, PACE_SECONDS)
    with stand() as servers, closing(Database.of(servers.settings)) as database:
        model = _registered(servers, database)
        puzzles = [text(sudokus(8).spec, question) for question in sudokus(8).questions]
        with servers.gateway() as url, servers.worker("solve"), httpx2.Client(base_url=url, timeout=120) as client:
            service = Service(client, model, puzzles)
            service.solves(2)  # loads the model
            alone = service.solves(count)
            with servers.worker("train"):
                job_id = service.training()
                pace_alone = _pace(service, job_id, seconds)
                before, begun = service.step(job_id), time.perf_counter()
                together = service.solves(count)
                pace = (service.step(job_id) - before) / (time.perf_counter() - begun)
    for share in (0.5, 0.95):
        yield Row(
            f"one 9x9 of {STEPS} steps beside a training, p{share * 100:.0f}",
            together.quantile(share), alone.quantile(share), "s", target=SOLVE_TARGET, note="the same without a training",
        )  # fmt: skip
    yield Row(
        "6x6 training beside these solves", pace, pace_alone, "updates/s", lower_is_better=False, target=PACE_TARGET,
        note="the same without solves",
    )  # fmt: skip


def _pace(service: Service, job_id: str, seconds: float) -> float:
    paces = []
    for _ in range(2):
        before, begun = service.step(job_id), time.perf_counter()
        time.sleep(seconds / 2)
        paces.append((service.step(job_id) - before) / (time.perf_counter() - begun))
    return statistics.mean(paces)


def _registered(servers: Stand, database: Database) -> str:
    """The full-size model with its first weights as a checkpoint of a run; its id."""
    fresh = trainer(WITHOUT_PREFIX, 32, CPU, compiled=False)
    saved = fresh.state.save(servers.folder / "fresh")
    with database.transaction() as session:
        run = new_run(session, fresh.config)
        job = new_job(session, JobKind.TRAIN, {}, run_id=run.id, total_steps=1)
        claim = leases.claim(session, job.id, "bench", 36_000)
        if claim is None:
            raise RuntimeError("another worker has claimed the bench's job")
        url = Storage(servers.settings.storage_url).put_folder(Path(saved.path), f"runs/{run.id}")
        return checkpoints.add(session, claim, step=1, url=url, digest=saved.digest, size=1, metrics={}).id
