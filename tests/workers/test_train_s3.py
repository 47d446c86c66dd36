"""A training whose checkpoints go to a bucket, and that goes on from there on a machine that has seen none of it."""

from pathlib import Path

import pytest

from services.registry.access.visibility import EVERYTHING
from services.registry.db.database import Database
from services.registry.db.tables import Checkpoint
from services.registry.jobs.leases import Claim
from services.registry.metrics.metrics import TrainMetrics
from services.registry.runs import checkpoints
from services.registry.storage.artifacts import is_checkpoint
from services.registry.storage.storage import Storage
from tests.workers.conftest import EVERY, STEPS, Train
from tests.workers.test_train import again, events, saved_steps
from workers.context import Worker
from workers.training.train import train


def rows(database: Database, claim: Claim) -> list[Checkpoint]:
    with database.transaction() as session:
        return checkpoints.furthest_first(session, EVERYTHING, claim.training_run)


@pytest.mark.slow
def test_a_training_goes_on_from_the_bucket(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train, s3_url: str, tmp_path: Path
) -> None:
    trainer.storage = Storage(s3_url)
    claim = submit_training()
    train(trainer, claim)
    assert saved_steps(database, claim) == [STEPS, STEPS - EVERY]
    newest = rows(database, claim)[0]
    trainer.storage.fs.rm_file(f"{newest.url}/model.safetensors")
    trainer.settings = trainer.settings.model_copy(update={"data_dir": tmp_path / "another machine"})
    claim = again(database, claim)
    train(trainer, claim)
    told = [event["step"] for event in events(database, claim) if event["type"] == "started"]
    assert told == [0, STEPS - EVERY]
    last = rows(database, claim)[0]
    assert is_checkpoint(trainer.storage.fetch_folder(last.url, tmp_path / "copy"), last.digest)
    assert sorted(trainer.storage.folders(f"runs/{claim.training_run}/*/step_*")) == sorted(
        row.url for row in rows(database, claim)
    )
    assert not any(trainer.scratch.glob("*/attempt_*"))
