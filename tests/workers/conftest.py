"""A solve worker over a real database, with a tiny untrained model in its storage."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from prometheus_client import CollectorRegistry

from services.registry.db.database import Database
from services.registry.jobs import leases
from services.registry.metrics.metrics import SolveMetrics, TrainMetrics
from services.registry.runs import checkpoints, runs
from services.registry.settings import Settings
from services.registry.states import JobKind
from services.registry.storage.storage import Storage
from tests.fresh import new_job, new_run
from trm.config.model import ModelConfig
from trm.config.run import RunConfig
from trm.config.train import TrainConfig
from trm.data.splits import Splits
from trm.puzzles.datasets.datasets import load
from trm.training.trainer import Trainer
from workers.context import Worker

Submit = Callable[..., leases.Claim]
Train = Callable[..., leases.Claim]
STEPS, EVERY = 12, 2  # of a training: in all, and between two checkpoints


@pytest.fixture(scope="session")
def config() -> RunConfig:
    return RunConfig(
        preset="tiny",
        dataset="sudoku-4x4",
        puzzle=load("sudoku-4x4", "test").spec,
        model=ModelConfig(hidden_size=16, layers=1, latent_steps=1, recursions=1, max_supervision_steps=4),
        train=TrainConfig(batch_size=8, precision="float32"),
    )


@pytest.fixture(scope="session")
def saved(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint's folder."""
    few = load("sudoku-4x4", "test").take(8)
    trainer = Trainer(config, Splits(few, None, few), torch.device("cpu"))
    return Path(trainer.state.save(tmp_path_factory.mktemp("model")).path)


@pytest.fixture
def collectors() -> CollectorRegistry:
    """Where the worker counts."""
    return CollectorRegistry()


@pytest.fixture
def worker(settings: Settings, database: Database, collectors: CollectorRegistry) -> Worker[SolveMetrics]:
    quick = settings.model_copy(update={"device": "cpu", "heartbeat_seconds": 0.05})
    return Worker(quick, database, Storage(settings.storage_url), SolveMetrics(collectors))


@pytest.fixture
def submit(worker: Worker[SolveMetrics], config: RunConfig, saved: Path) -> Submit:
    """Makes a solve job that this worker holds."""

    def make(puzzles: list[str], *, trace: bool = False, keep_carry: bool = False, **effort: Any) -> leases.Claim:  # noqa: ANN401
        with worker.database.transaction() as session:
            run = new_run(session, config)
            training = new_job(session, JobKind.TRAIN, {}, run_id=run.id, total_steps=1)
            claim = leases.claim(session, training.id, worker.name, 30)
            assert claim is not None
            url = worker.storage.put_folder(saved, f"runs/{run.id}")
            model = checkpoints.add(session, claim, step=1, url=url, digest="d", size=1, metrics={}).id
            request = {"model": model, "puzzles": puzzles, "effort": effort, "trace": trace, "keep_carry": keep_carry}
            job = new_job(session, JobKind.SOLVE, request, model_id=model, total_steps=len(puzzles))
            solving = leases.claim(session, job.id, worker.name, 30)
        assert solving is not None
        return solving

    return make


@pytest.fixture
def trainer(settings: Settings, database: Database, collectors: CollectorRegistry) -> Worker[TrainMetrics]:
    changes = {"device": "cpu", "metrics_batch_seconds": 0.05, "keep_checkpoints": 2, "min_free_bytes": 0}
    settings = settings.model_copy(update=changes)
    return Worker(settings, database, Storage.of(settings), TrainMetrics(collectors))


@pytest.fixture
def submit_training(database: Database, config: RunConfig) -> Train:
    """Makes a training job that a worker holds."""
    more = {"steps": STEPS, "checkpoint_every": EVERY, "log_every": 1, "evaluate_every": 100, "test_puzzles": 4}
    short = config.model_copy(update={"train": config.train.model_copy(update=more | {"evaluate_puzzles": 4})})

    def make(weights: str | None = None, devices: int | None = None, steps: int = STEPS) -> leases.Claim:
        longer = short.model_copy(update={"train": short.train.model_copy(update={"steps": steps})})
        dataset, config = {"name": "sudoku-4x4"}, longer.model_dump(mode="json")
        request = {"config": config, "dataset": dataset, "weights": weights, "devices": devices}
        with database.transaction() as session:
            run = runs.new_row(longer, parent=weights)
            runs.insert_rows(session, [run])
            job = new_job(session, JobKind.TRAIN, request, run_id=run["id"], total_steps=steps)
            claim = leases.claim(session, job.id, "tests", 60)
        assert claim is not None
        return claim

    return make
