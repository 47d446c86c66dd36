"""A deployment by docker compose: what its operator does, and what the operator's clients see."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.api import Client
from tests.conftest import wait_until

ROOT = Path(__file__).parents[2]
PROJECT = "trm-compose-test"
OVERRIDE = "COMPOSE_TEST_OVERRIDE"  # names a file that is added for builds alone, such as one with `build.network`
GATEWAY, WORKER = "trm-service/gateway:0.1.0", "trm-service/worker:0.1.0"
PASSED = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
COMMAND_SECONDS = 570
TRAINING = {
    "train.batch_size": 16, "train.checkpoint_every": 10, "train.evaluate_every": 1_000, "train.log_every": 5,
    "train.evaluate_puzzles": 20, "train.test_puzzles": 20,
    "model.hidden_size": 64, "model.max_supervision_steps": 4, "model.recursions": 1,
}  # fmt: skip
PUZZLES: dict[str, dict[str, Any]] = {
    "sudoku": {
        "puzzle": "19............57.........3...7...4.....2....92.5..3.6....9....1..3..8............",
        **{"until_verified": True, "restart_steps": 8, "guess_every": 1, "max_steps": 512},
    },
    "sudoku-6x6": {"puzzle": ".1254..3..6.12....35.1245.3.1.2..3.."},
}
_started = time.monotonic()


def tell(text: str) -> None:
    """A line of the transcript, with the seconds since it began."""
    print(f"{time.monotonic() - _started:6.1f} s  {text}", flush=True)


def docker(*arguments: str, fails: bool = False, variables: dict[str, str] | None = None) -> str:
    """What a docker command prints; the test fails when the command does, or when it was to fail and did not.

    It gets no .env file and no variables but these and those that lead to the engine.
    """
    engine = {name: os.environ[name] for name in PASSED if name in os.environ} | {"DOCKER_BUILDKIT": "1"}
    done = subprocess.run(
        ["docker", *arguments],
        cwd=ROOT,
        env=engine | (variables or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )
    assert (done.returncode != 0) == fails, (
        f"docker {' '.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    )
    return done.stdout + done.stderr if fails else done.stdout


class Deployment:
    """The compose project of the tests; `files` come after the repository's own docker-compose.yml, `variables` from its operator."""

    def __init__(self, files: Sequence[Path] = (), variables: dict[str, str] | None = None) -> None:
        self.files, self.variables = ("docker-compose.yml", *map(str, files)), variables

    def compose(self, *arguments: str, fails: bool = False) -> str:
        files = [part for file in self.files for part in ("-f", file)]
        project = ("compose", "-p", PROJECT, "--ansi", "never", "--env-file", os.devnull, *files)
        return docker(*project, *arguments, fails=fails, variables=self.variables)

    def build(self) -> None:
        """Build both images."""
        override = os.environ.get(OVERRIDE)
        Deployment([Path(file) for file in (*self.files[1:], override) if file]).compose("build", "-q")

    def up(self, *services: str) -> None:
        """`docker compose up -d --wait`; returns when all are healthy."""
        started = time.monotonic()
        self.compose("up", "-d", "--wait", "--wait-timeout", "300", *services)
        tell(f"up, every part healthy, after {time.monotonic() - started:.1f} s")

    def down(self, *, discard: bool = False) -> None:
        """`docker compose down`; with the volumes if they are to be discarded."""
        started = time.monotonic()
        self.compose("down", "--remove-orphans", *(["--volumes"] if discard else []))
        tell(f"down {'with its volumes ' if discard else ''}in {time.monotonic() - started:.1f} s")

    def parts(self) -> dict[str, dict[str, Any]]:
        """Every container as the engine describes it, by its service."""
        found = json.loads(docker("inspect", *self.compose("ps", "-aq").split()))
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in found}

    def run_in(self, service: str, *command: str, fails: bool = False) -> str:
        """What a command prints in the running container of a service."""
        return self.compose("exec", "-T", service, *command, fails=fails)

    def run_python(self, service: str, code: str) -> str:
        return self.run_in(service, "python", "-c", code).strip()

    def secrets(self) -> dict[str, str]:
        """What `docker compose logs init` tells: whose secret -> the secret."""
        log = self.compose("logs", "--no-log-prefix", "init")
        return dict(
            re.findall(r"^(?:\x1b\[2K)?  (\S.*\S) {2,}(\S+)$", log, re.MULTILINE)
        )  # compose clears the line first

    def url(self, service: str, port: int) -> str:
        return "http://" + self.compose("port", service, str(port)).strip()

    @contextmanager
    def admin(self) -> Iterator[Client]:
        """A client with the admin's key that `init` has told."""
        with Client(self.url("gateway", 8000), self.secrets()["API, admin's key"]) as client:
            yield client

    def kill(self, service: str) -> None:
        """SIGKILL to the whole container, from outside, as a crash: after `docker kill` no restart policy applies."""
        pid = self.parts()[service]["State"]["Pid"]
        docker(
            *("run", "--rm", "--network=none", "--pid=host", "--privileged", "--user=0", GATEWAY),
            *("python", "-c", f"import os; os.kill({pid}, 9)"),
        )

    def wait_for_restart(self, service: str, restarts: int) -> None:
        """Wait until the engine has restarted the container more often than `restarts`, and it is healthy."""

        def is_back() -> bool:
            part = self.parts()[service]
            return bool(part["RestartCount"] > restarts and part["State"]["Health"]["Status"] == "healthy")

        wait_until(is_back, 180)


def submit(client: Client, path: str, body: dict[str, Any], patience: float = 120) -> dict[str, Any]:
    """A job that was accepted; asks again while the gateway or the database is away, as clients should."""
    deadline = time.monotonic() + patience
    while True:
        try:
            answer = client.http.post(path, json=body, headers={"Idempotency-Key": f"{time.monotonic_ns()}"})
            if answer.status_code < 500:
                assert answer.status_code == httpx2.codes.ACCEPTED, answer.text
                return dict(answer.json())
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline, f"POST {path} was not accepted within {patience} s"
        time.sleep(0.5)


def finish(client: Client, jobs: Sequence[dict[str, Any]], patience: float = 400) -> list[dict[str, Any]]:
    """The jobs once all have ended; fails unless each has succeeded."""

    def ended(job: dict[str, Any]) -> dict[str, Any] | None:
        try:
            answer = client.http.get(f"/v1/jobs/{job['id']}")
        except httpx2.TransportError:
            return None
        found = dict(answer.json()) if answer.is_success else {"status": "unknown"}
        return found if found["status"] in ("succeeded", "failed", "cancelled") else None

    deadline, done = time.monotonic() + patience, dict[str, dict[str, Any]]()
    while len(done) < len(jobs):
        for job in jobs:
            if job["id"] not in done and (found := ended(job)) is not None:
                assert found["status"] == "succeeded", found
                done[job["id"]] = found
        assert time.monotonic() < deadline, f"{len(jobs) - len(done)} of {len(jobs)} jobs have not ended"
        time.sleep(0.5)
    return [done[job["id"]] for job in jobs]


def submit_training(client: Client, steps: int = 40, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    body = {"preset": "sudoku-4x4", "overrides": TRAINING | {"train.steps": steps}, **more}
    return submit(client, "/v1/training-jobs", body)


def submit_solve(client: Client, model: str = "sudoku-6x6") -> dict[str, Any]:
    return submit(client, "/v1/solve-jobs", {"model": model} | PUZZLES.get(model, {"puzzle": "..21.....1.4.3.."}))


def read_holdings(client: Client) -> dict[str, list[Any]]:
    """Ids of all jobs and runs, newest first, with the curve and the checkpoints of the newest run."""
    runs = [run["id"] for run in client.get("/v1/runs", limit=100)["data"]]
    return {
        "jobs": [job["id"] for job in client.get("/v1/jobs", limit=100)["data"]],
        "runs": runs,
        "curve": client.get(f"/v1/runs/{runs[0]}/metrics")["data"],
        "checkpoints": client.get(f"/v1/runs/{runs[0]}/checkpoints")["data"],
    }
