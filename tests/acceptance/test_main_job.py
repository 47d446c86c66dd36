"""What users do, on the whole stack: train, watch, solve, cancel, and lose a machine."""

import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest

from services.registry.settings import Settings
from services.stack import state
from services.stack.process import Process
from tests.acceptance.conftest import INTERRUPTIBLE, TINY, submit_training
from tests.api import Client, Json
from tests.conftest import wait_until

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
    return running.parts[part].pid


def logged_steps(client: Client, job: Json) -> list[int]:
    return [row["step"] for row in client.get(f"/v1/runs/{job['run_id']}/metrics", limit=1000)["data"]]


def test_train_then_solve(client: Client) -> None:
    job = client.wait_until_finished(submit_training(client, 40))
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


@pytest.mark.slow
def test_the_test_split_is_answered_once_and_thinking_harder_explains_itself(client: Client) -> None:
    job = client.wait_until_finished(submit_training(client, 60))
    evaluations = client.get(f"/v1/runs/{job['run_id']}/evaluations")["data"]
    assert [(e["split"], e["step"], e["n"]) for e in evaluations] == [
        ("validation", 50, 20),
        ("validation", 60, 20),
        ("test", 60, 50),
    ]
    run = client.get(f"/v1/runs/{job['run_id']}")
    assert job["result"]["exact_accuracy"] == run["test_exact_accuracy"] == evaluations[2]["exact_accuracy"]
    assert run["best_exact_accuracy"] == max(e["exact_accuracy"] for e in evaluations[:2])
    effort = {"views": 3, "rollouts": 2, "noise": 0.3, "choose": "votes", "max_steps": 5}
    solved = client.post(
        "/v1/solve-jobs", {"model": job["run_id"], "puzzle": ".2.43......31...", **effort}, Prefer="wait=30"
    )
    [solution] = solved["result"]["solutions"]
    assert (solution["chains"], solution["total_supervision_steps"], solution["chosen_by"]) == (6, 30, "votes")
    assert 1 <= solution["votes"] <= 6
    assert solved["result"]["total_supervision_steps"] == 30
    assert solved["result"]["reasons"] == {"budget": 1}


@pytest.mark.slow
def test_a_training_that_diverges_fails_at_once_and_keeps_its_good_checkpoints(client: Client) -> None:
    wild = {"train.optimizer": "adamw", "train.learning_rate": 1.0, "train.weight_decay": 2.5, "train.warmup_steps": 0}
    body = {"preset": "sudoku-4x4", "overrides": TINY | wild | {"train.steps": 500}}
    *_, job = client.poll(client.post("/v1/training-jobs", body))
    assert (job["status"], job["error"]["code"], job["attempt"]) == ("failed", "loss_not_finite", 1)
    assert "at step" in job["error"]["message"]
    assert "first such tensor: " in job["error"]["message"]
    checkpoints = client.get(f"/v1/runs/{job['run_id']}/checkpoints")["data"]
    assert checkpoints, job["error"]
    body = {"model": checkpoints[-1]["id"], "puzzle": ".2.43......31..."}
    assert client.post("/v1/solve-jobs", body, Prefer="wait=30")["status"] == "succeeded"


@pytest.mark.slow
def test_cancel_while_running_and_while_queued(client: Client) -> None:
    running = wait_for(submit_training(client, 100_000), client, lambda job: (job["progress"]["step"] or 0) > 0)
    queued = submit_training(client, 10)
    assert client.post(f"/v1/jobs/{queued['id']}/cancel", {})["status"] == "cancelled"
    client.post(f"/v1/jobs/{running['id']}/cancel", {})
    job = wait_for(running, client, lambda job: job["status"] not in ("queued", "running"))
    assert job["status"] == "cancelled"


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["trainer", "worker"])
def test_a_killed_process_costs_no_job(victim: str, client: Client, stack: Settings) -> None:
    job = submit_training(client, INTERRUPTIBLE)
    wait_for(job, client, lambda _: len(client.get(f"/v1/runs/{job['run_id']}/checkpoints")["data"]) >= 1)
    worker = psutil.Process(pid_of(stack, "worker-train"))
    os.kill(worker.pid if victim == "worker" else worker.children()[0].pid, signal.SIGKILL)
    job = client.wait_until_finished(job)
    assert job["attempt"] == 2
    outcomes = [attempt["outcome"] for attempt in job["attempts"]]
    assert outcomes == ["lost" if victim == "worker" else "retried", "succeeded"]
    assert job["attempts"][1]["first_step"] > 0  # it continued from a checkpoint
    assert logged_steps(client, job) == list(range(5, INTERRUPTIBLE + 1, 5))


@pytest.mark.slow
def test_no_trainer_outlives_its_worker(client: Client, stack: Settings) -> None:
    job = wait_for(submit_training(client, 100_000), client, lambda job: (job["progress"]["step"] or 0) > 0)
    worker = psutil.Process(pid_of(stack, "worker-train"))
    [trainer] = worker.children()
    worker.kill()
    wait_until(lambda: Process.of(trainer.pid) is None, 10)
    client.post(f"/v1/jobs/{job['id']}/cancel", {})
    wait_for(job, client, lambda job: job["status"] == "cancelled")


def test_metrics_are_exported(client: Client) -> None:
    text = client.http.get("/metrics").text
    assert 'trm_jobs_submitted_total{kind="train"}' in text
