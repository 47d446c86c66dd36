"""What users do, on the whole stack: train, watch, solve, cancel, and lose a machine."""

import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest

from services.registry.settings import Settings
from services.stack import state
from services.stack.client import Client, Json
from tests.acceptance.conftest import submit_training

PATIENCE = 90  # seconds


def wait_for(job: Json, client: Client, reached: Callable[[Json], bool]) -> Json:
    deadline = time.monotonic() + PATIENCE
    while not reached(job):
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
        job = client.get(f"/v1/jobs/{job['id']}")
    return job


def pid_of(stack: Settings, part: str) -> int:
    running = state.read(stack.data_dir)
    assert running is not None
    return running.parts[part]


def logged_steps(client: Client, job: Json) -> list[int]:
    return [row["step"] for row in client.get(f"/v1/runs/{job['run_id']}/metrics", limit=1000)["data"]]


def test_train_then_solve(client: Client) -> None:
    job = client.finished(submit_training(client, 40))
    assert job["progress"]["percent"] == 100
    assert logged_steps(client, job) == list(range(5, 41, 5))
    row = client.get(f"/v1/runs/{job['run_id']}/metrics")["data"][0]
    assert all(len(row[name]) == 4 for name in ("slots", "halted", "halt_probability", "step_exact_accuracy"))
    checkpoints = client.get(f"/v1/runs/{job['run_id']}/checkpoints")["data"]
    assert [c["step"] for c in checkpoints] == [40, 20]
    puzzle = ".2.43......31..."
    solved = client.post(
        "/v1/solve-jobs", {"model": checkpoints[0]["id"], "puzzle": puzzle, "trace": True}, Prefer="wait=30"
    )
    assert solved["status"] == "succeeded"
    [solution] = solved["result"]["solutions"]
    assert solution["question"] == puzzle
    assert solution["supervision_steps"] == len(solution["trace"]) == 4
    assert solution["verified"] in (True, False)
    assert 0 <= solution["halt_probability"] <= 1
    told = [data["step"] for kind, data in client.events(solved) if kind == "step"]
    assert told == [1, 2, 3, 4]


def test_cancel_while_running_and_while_queued(client: Client) -> None:
    running = wait_for(submit_training(client, 100_000), client, lambda job: (job["progress"]["step"] or 0) > 0)
    queued = submit_training(client, 10)
    assert client.post(f"/v1/jobs/{queued['id']}/cancel", {})["status"] == "cancelled"
    client.post(f"/v1/jobs/{running['id']}/cancel", {})
    job = wait_for(running, client, lambda job: job["status"] not in ("queued", "running"))
    assert job["status"] == "cancelled"


@pytest.mark.parametrize("victim", ["trainer", "worker"])
def test_a_killed_process_costs_no_job(victim: str, client: Client, stack: Settings) -> None:
    job = submit_training(client, 600)
    wait_for(job, client, lambda _: len(client.get(f"/v1/runs/{job['run_id']}/checkpoints")["data"]) >= 1)
    worker = psutil.Process(pid_of(stack, "worker-train"))
    os.kill(worker.pid if victim == "worker" else worker.children()[0].pid, signal.SIGKILL)
    job = client.finished(job)
    assert job["attempt"] == 2
    outcomes = [attempt["outcome"] for attempt in job["attempts"]]
    assert outcomes == ["lost" if victim == "worker" else "retried", "succeeded"]
    assert job["attempts"][1]["first_step"] > 0  # it went on from a checkpoint
    assert logged_steps(client, job) == list(range(5, 601, 5))


def test_no_trainer_outlives_its_worker(client: Client, stack: Settings) -> None:
    job = wait_for(submit_training(client, 100_000), client, lambda job: (job["progress"]["step"] or 0) > 0)
    worker = psutil.Process(pid_of(stack, "worker-train"))
    [trainer] = worker.children()
    worker.kill()
    psutil.wait_procs([trainer], timeout=10)
    assert not trainer.is_running()
    client.post(f"/v1/jobs/{job['id']}/cancel", {})
    wait_for(job, client, lambda job: job["status"] == "cancelled")


def test_metrics_are_exported(client: Client) -> None:
    text = client.http.get("/metrics").text
    assert 'trm_jobs_submitted_total{kind="train"}' in text
