"""The whole service is backed up while it works, destroyed, restored by the operator's commands, and continues."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.registry.settings import Settings
from services.stack import operator
from tests.acceptance.conftest import INTERRUPTIBLE, TINY, submit_training
from tests.acceptance.test_main_job import logged_steps, wait_for
from tests.api import Client, Json
from tests.gateway.test_http_datasets import csv, rows

PUZZLES = [".2.43......31...", "1.3.3.1.2.4...2."]


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A stack of this test's own, which is not up yet."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "DATA_DIR": str(tmp_path / "data"), "LEASE_SECONDS": "4", "HEARTBEAT_SECONDS": "1",
            "REAPER_INTERVAL_SECONDS": "0.5", "REPUBLISH_SECONDS": "2", "DEVICE": "cpu",
        }.items():  # fmt: skip
            patch.setenv(f"TRM_{name}", value)
        settings = Settings()
        yield settings
        operator.down(settings)


def opened(settings: Settings) -> Client:
    running, _ = operator.up(settings, lambda _: None)
    return Client(running.api)


def backup(*arguments: str) -> str:
    """What the command says; it must succeed."""
    command = [sys.executable, "-m", "services.backup", *arguments]
    ended = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def solve(client: Client, model: str) -> list[Json]:
    body = {"model": model, "puzzles": PUZZLES}
    solved = client.post("/v1/solve-jobs", body, Prefer="wait=30")
    assert solved["status"] == "succeeded"
    solutions: list[Json] = solved["result"]["solutions"]
    return solutions


def history(client: Client, job: Json) -> list[Json]:
    """All that is recorded of a training that has ended."""
    run = f"/v1/runs/{job['run_id']}"
    paths = (f"/v1/jobs/{job['id']}", run, f"{run}/metrics", f"{run}/evaluations", f"{run}/checkpoints")
    return [client.get(path) for path in (*paths, "/v1/datasets/mine")]


@pytest.mark.slow
def test_a_destroyed_service_comes_back_and_goes_on(settings: Settings, tmp_path: Path) -> None:
    with opened(settings) as client:
        ended = client.wait_until_finished(submit_training(client, 40))
        [model, *_] = client.get(f"/v1/runs/{ended['run_id']}/checkpoints")["data"]
        answers = solve(client, model["id"])
        client.http.post(
            "/v1/datasets", data={"name": "mine"}, files={"file": ("a.csv", csv(rows()))}
        ).raise_for_status()
        running = submit_training(client, INTERRUPTIBLE)
        wait_for(running, client, lambda _: bool(client.get(f"/v1/runs/{running['run_id']}/checkpoints")["data"]))
        overrides = TINY | {"train.steps": 20}
        queued = client.post("/v1/training-jobs", {"preset": "sudoku-4x4", "dataset": "mine", "overrides": overrides})
        path = backup("create", str(tmp_path / "backups")).splitlines()[0]
        assert client.get(f"/v1/jobs/{queued['id']}")["status"] == "queued"
        recorded = history(client, ended)

    refused = subprocess.run(
        [sys.executable, "-m", "services.backup", "restore", path], capture_output=True, text=True, check=False
    )
    assert (refused.returncode, "make down" in refused.stderr) == (1, True)
    operator.down(settings)
    for part in ("postgres", "broker", "artifacts", "scratch"):
        shutil.rmtree(settings.data_dir / part)
    assert "1 jobs were running then" in backup("restore", path)

    with opened(settings) as client:
        assert history(client, ended) == recorded
        assert solve(client, model["id"]) == answers
        for job, steps in ((running, INTERRUPTIBLE), (queued, 20)):
            job = client.wait_until_finished(job)
            assert logged_steps(client, job) == list(range(5, steps + 1, 5))
        attempts = client.get(f"/v1/jobs/{running['id']}")["attempts"]
        assert [attempt["outcome"] for attempt in attempts] == ["released", "succeeded"]
        assert attempts[1]["first_step"] > 0  # from a checkpoint of the backup
