"""Parts that are stopped cleanly, on the whole stack: nothing is lost, and a request that is sent again is answered."""

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx2
import psutil
import pytest

from services.registry.settings import Settings
from tests.acceptance.conftest import INTERRUPTIBLE, TINY, submit_training
from tests.acceptance.test_main_job import logged_steps, pid_of, wait_for
from tests.api import Client, Json

PATIENCE = 45  # seconds for one request to get through
CLIENTS = 3
PUZZLE = ".2.43......31..."


def is_under_way(job: Json) -> bool:
    return bool(job["progress"]["step"])


def stop(stack: Settings, part: str, times: int = 1) -> None:
    """SIGTERM, and again at once; the supervisor starts the part again."""
    process = psutil.Process(pid_of(stack, part))
    for _ in range(times):
        with suppress(psutil.NoSuchProcess):  # the first signal may have ended it
            process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
    psutil.wait_procs([process], timeout=PATIENCE)
    assert not process.is_running()


@pytest.mark.slow
@pytest.mark.parametrize("signals", [1, 2])
def test_a_training_worker_that_is_stopped_hands_its_job_back(client: Client, stack: Settings, signals: int) -> None:
    job = wait_for(submit_training(client, INTERRUPTIBLE), client, is_under_way)
    stop(stack, "worker-train", signals)
    job = client.wait_until_finished(job)
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["released", "succeeded"]
    first, second = job["attempts"]
    assert second["first_step"] >= first["last_step"] > 0  # it saved when it was told to stop
    assert logged_steps(client, job) == list(range(5, INTERRUPTIBLE + 1, 5))


@pytest.mark.slow
def test_a_solve_worker_that_is_stopped_loses_nothing(client: Client, stack: Settings) -> None:
    model = client.wait_until_finished(submit_training(client, 20))["run_id"]
    body = {"model": model, "puzzles": [PUZZLE] * 60, "rollouts": 16, "noise": 0.1, "max_steps": 64}
    job = wait_for(client.post("/v1/solve-jobs", body), client, lambda job: job["status"] == "running")
    stop(stack, "worker-solve", 2)
    job = client.wait_until_finished(job)
    assert job["result"]["n"] == 60


@pytest.mark.slow
def test_pause_resume_and_retry_go_on_from_a_checkpoint(client: Client) -> None:
    job = wait_for(submit_training(client, INTERRUPTIBLE), client, is_under_way)
    client.post(f"/v1/jobs/{job['id']}/pause", {})
    job = wait_for(job, client, lambda job: job["status"] == "paused")
    client.post(f"/v1/jobs/{job['id']}/resume", {})
    job = wait_for(job, client, lambda now: now["progress"]["step"] > job["progress"]["step"])
    client.post(f"/v1/jobs/{job['id']}/cancel", {})
    job = wait_for(job, client, lambda job: job["status"] == "cancelled")
    job = client.wait_until_finished(client.post(f"/v1/jobs/{job['id']}/retry", {}))
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["released", "cancelled", "succeeded"]
    assert all(attempt["first_step"] > 0 for attempt in job["attempts"][1:])
    assert logged_steps(client, job) == list(range(5, INTERRUPTIBLE + 1, 5))


@pytest.mark.slow
def test_a_fork_trains(client: Client) -> None:
    parent = client.wait_until_finished(submit_training(client, 20))
    [checkpoint] = client.get(f"/v1/runs/{parent['run_id']}/checkpoints")["data"]
    body = {"from_checkpoint": checkpoint["id"], "overrides": {"train.steps": 40}}
    job = client.wait_until_finished(client.post("/v1/training-jobs", body))
    assert client.get(f"/v1/runs/{job['run_id']}")["parent_checkpoint_id"] == checkpoint["id"]
    assert logged_steps(client, job) == list(range(5, 41, 5))


@pytest.mark.slow
def test_a_rolling_restart_fails_no_request_that_is_sent_again(client: Client, stack: Settings) -> None:
    model = client.wait_until_finished(submit_training(client, 20))["run_id"]
    done = threading.Event()

    def ask(name: int) -> dict[str, str]:
        """Jobs by key, one after the other until the restart is over; each is asked for until there is an answer."""
        jobs, number = dict[str, str](), 0
        while number < 4 or not done.is_set():  # on a slow machine the restart is over before that
            key, number = f"restart-{name}-{number}", number + 1
            body: Json = {"model": model, "puzzle": PUZZLE}
            jobs[key] = insistently(client, "/v1/solve-jobs", body, key)
        return jobs

    with ThreadPoolExecutor(CLIENTS) as pool:
        asking = [pool.submit(ask, name) for name in range(CLIENTS)]
        training = insistently(
            client, "/v1/training-jobs", {"preset": "sudoku-4x4", "overrides": TINY | {"train.steps": 300}}, "training"
        )
        try:
            for part in ("gateway", "worker-solve", "worker-train", "reaper", "gateway"):
                stop(stack, part)
                time.sleep(0.7)  # until it is started again
        finally:
            done.set()
        by_key = {key: job for one in asking for key, job in one.result(PATIENCE).items()}
    wait_until_ready(client)
    assert len(set(by_key.values())) == len(by_key) > 10
    for job_id in (*by_key.values(), training):
        client.wait_until_finished({"id": job_id, "kind": "any", "status": "queued"}, every=0.1)
    made = [job["id"] for job in every(client, "/v1/jobs") if job["model"] == model_of(client, by_key)]
    assert sorted(made) == sorted(by_key.values())  # none was made twice


def insistently(client: Client, path: str, body: Json, key: str) -> str:
    """The id of the job that a request makes, sent with one key until it is answered."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = httpx2.post(
                f"{client.http.base_url}{path}".replace("//v1", "/v1"),
                json=body, headers={"Idempotency-Key": key}, timeout=10,
            )  # fmt: skip
            if answer.status_code == httpx2.codes.ACCEPTED:
                return str(answer.json()["id"])
            assert answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE, answer.text
        except httpx2.TransportError:
            assert time.monotonic() < deadline, "there is no answer"
        time.sleep(0.1)


def model_of(client: Client, by_key: dict[str, str]) -> str:
    """The checkpoint that these jobs, and no others, use."""
    return str(client.get(f"/v1/jobs/{next(iter(by_key.values()))}")["model"])


def wait_until_ready(client: Client) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if client.http.get("/readyz").is_success:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)


def every(client: Client, path: str) -> Iterator[Json]:
    """All items of a list."""
    page = client.get(path, limit=100)
    yield from page["data"]
    while page["has_more"]:
        page = client.get(path, limit=100, cursor=page["next_cursor"])
        yield from page["data"]
