"""A worker that was started because there was work ends when there is none, and not before."""

import os
import subprocess
import sys
import time
from typing import Any

from services.registry.db.database import Database
from services.registry.jobs import presence
from services.registry.metrics.metrics import SolveMetrics
from services.registry.settings import Settings
from services.registry.states import JobKind
from tests.fresh import new_job, new_run
from trm.config.run import RunConfig
from workers import attempt
from workers.context import Worker
from workers.idleness import Idleness


def test_it_counts_from_the_end_of_the_last_job() -> None:
    idleness = Idleness()
    time.sleep(0.05)
    assert idleness.seconds >= 0.05
    with idleness.interrupted():
        with idleness.interrupted():
            assert idleness.seconds == 0
        time.sleep(0.05)
        assert idleness.seconds == 0
    assert idleness.seconds < 0.05


def test_a_job_in_hand_interrupts_it_and_a_message_alone_does_not(
    worker: Worker[SolveMetrics], database: Database, config: RunConfig
) -> None:
    began = worker.idleness.seconds
    attempt.run(worker, JobKind.TRAIN, "job_none", lambda *_: {})
    assert worker.idleness.seconds > began
    with database.transaction() as session:
        job = new_job(session, JobKind.TRAIN, {}, run_id=new_run(session, config).id)
    during = list[float]()

    def work(*_: object) -> dict[str, Any]:
        during.append(worker.idleness.seconds)
        return {}

    attempt.run(worker, JobKind.TRAIN, job.id, work)
    assert during == [0]


def test_an_idle_worker_ends_well(settings: Settings, database: Database) -> None:
    ours = {
        "TRM_DATABASE_URL": settings.database_url or "",
        "TRM_BROKER_URL": settings.broker_url or "",
        "TRM_DATA_DIR": str(settings.data_dir),
        "TRM_WORKER_IDLE_SECONDS": "0.5",
    }
    command = [sys.executable, "-m", "workers", "train"]
    ended = subprocess.run(command, env=os.environ | ours, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert "worker.idle" in ended.stdout + ended.stderr
    with database.transaction() as session:
        assert presence.list_watched(session) == []
