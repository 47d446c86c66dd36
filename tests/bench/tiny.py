"""A model so small that the service around it is what takes time, and the rows that its jobs need."""

from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from services.registry.db.database import Database
from services.registry.jobs import leases
from services.registry.runs import checkpoints, run_metrics
from services.registry.states import JobKind
from services.registry.storage.storage import Storage
from tests.bench.stand import Stand
from tests.fresh import new_job, new_run
from trm.config.model import ModelConfig
from trm.config.run import RunConfig
from trm.config.train import TrainConfig
from trm.puzzles.datasets.datasets import load

BATCH = 100  # rows that a worker writes at once, as settings have it
PUZZLE = ".2.43......31..."
LEASE_SECONDS = 3600.0


def opened(servers: Stand) -> AbstractContextManager[Database]:
    """The database of a stand, closed at the end of a block."""
    return closing(Database.of(servers.settings))


def config_of(**train: Any) -> RunConfig:  # noqa: ANN401
    """A model so small that the service is what takes time."""
    return RunConfig(
        preset="tiny",
        dataset="sudoku-4x4",
        puzzle=load("sudoku-4x4", "test").spec,
        model=ModelConfig(hidden_size=16, layers=1, latent_steps=1, recursions=1, max_supervision_steps=4),
        train=TrainConfig(batch_size=8, precision="float32", **train),
    )


def claimed(session: Session, config: RunConfig) -> leases.Claim:
    """A training in the hands of a worker."""
    run = new_run(session, config)
    request = {"config": config.model_dump(mode="json"), "dataset": {"name": config.dataset, "url": None}}
    job = new_job(session, JobKind.TRAIN, request, run_id=run.id, total_steps=config.train.steps)
    claim = leases.claim(session, job.id, "bench", LEASE_SECONDS)
    if claim is None:
        raise RuntimeError("another worker has claimed the bench's job")
    return claim


def model_of(servers: Stand, database: Database) -> str:
    """An untrained model in the storage; the id of its checkpoint."""
    import torch

    from trm.data.splits import Splits
    from trm.training.trainer import Trainer

    config, few = config_of(), load("sudoku-4x4", "test").take(8)
    saved = Path(Trainer(config, Splits(few, None, few), torch.device("cpu")).state.save(servers.folder / "model").path)
    with database.transaction() as session:
        claim = claimed(session, config)
        url = Storage.of(servers.settings).put_folder(saved, f"runs/{claim.training_run}")
        return checkpoints.add(session, claim, step=1, url=url, digest="d", size=1, metrics={}).id


def step_event(step: int) -> dict[str, Any]:
    """A logged step with 16 supervision steps."""
    numbers = dict.fromkeys(run_metrics.COLUMNS, 0.1234567890123) | {"step": step, "puzzles_finished": step * 8}
    shares = {name: [0.0625 * k for k in range(16)] for name in ("halted", "halt_probability", "step_exact_accuracy")}
    return {"event": "step", **numbers, "slots": list(range(16)), **shares}
