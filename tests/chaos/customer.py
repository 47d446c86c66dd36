"""A client that uses the service while it breaks: asks with a key until there is an answer, and remembers what was accepted."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

import httpx2

from tests.acceptance.conftest import TINY
from tests.api import FINAL, Json

PATIENCE = 120.0  # seconds for one request to get through, or for a job to get there
PAUSE = 0.1
LONG_AGO = datetime.fromtimestamp(0, UTC)
PUZZLE = ".2.43......31..."
LOG_EVERY = int(TINY["train.log_every"])
AGAIN = {429, 503, 507}  # too much, away, no room: answers that ask to be tried again


class Customer:
    """Safe for threads."""

    def __init__(self, api: str, model: str = "", since: datetime = LONG_AGO) -> None:
        self.api, self.model, self.since = api, model, since
        self.accepted: dict[str, str] = {}  # idempotency key -> job
        self.broken: set[str] = set()  # jobs that are not meant to succeed
        self.patience = PATIENCE
        self._name, self._numbers = uuid4().hex[:8], count()
        self._own, self._clients = threading.local(), list[httpx2.Client]()

    def ask(self, path: str, body: Json, key: str | None = None) -> str:
        """The id of the job that a request makes, sent again with the same key until there is an answer."""
        key = key or f"{self._name}-{next(self._numbers)}"
        answer = self.insist("POST", path, json=body, headers={"Idempotency-Key": key})
        assert answer.status_code == 202, answer.text
        job = str(answer.json()["id"])
        assert self.accepted.setdefault(key, job) == job, "the same request made two jobs"
        return job

    def train(self, steps: int = 40, **overrides: Any) -> str:  # noqa: ANN401
        """A small training; overrides name settings of `train`."""
        named = {f"train.{name}": value for name, value in overrides.items()}
        return self.ask(
            "/v1/training-jobs", {"preset": "sudoku-4x4", "overrides": TINY | named | {"train.steps": steps}}
        )

    def solve(self, puzzles: int = 1, **more: Any) -> str:  # noqa: ANN401
        """A small solve job."""
        return self.ask("/v1/solve-jobs", {"model": self.model, "puzzles": [PUZZLE] * puzzles, **more})

    def move(self, job: str, verb: str) -> httpx2.Response:
        """Ask for a move of a job until there is an answer, whatever that is."""
        return self.insist("POST", f"/v1/jobs/{job}/{verb}", json={})

    def get(self, path: str, **params: str | int) -> Json:
        """The JSON at a path."""
        answer = self.insist("GET", path, params=params)
        assert answer.is_success, answer.text
        body: Json = answer.json()
        return body

    def job(self, job: str) -> Json:
        """How a job stands."""
        return self.get(f"/v1/jobs/{job}")

    def events(self, job: str) -> list[Json]:
        """All that has happened to a job, up to 500 things."""
        answer = self.insist("GET", f"/v1/jobs/{job}/events", headers={"Accept": "application/json"})
        found: list[Json] = answer.json()["data"]
        return found

    def wait(self, job: str, reached: Callable[[Json], bool]) -> Json:
        """The job once it is so."""
        deadline = time.monotonic() + self.patience
        while not reached(found := self.job(job)):
            assert time.monotonic() < deadline, found
            time.sleep(PAUSE)
        return found

    def ended(self, job: str) -> Json:
        """The job once it has ended."""
        return self.wait(job, lambda found: found["status"] in FINAL)

    def succeeded(self, job: str) -> Json:
        """The job once it has succeeded; fails the test when it has not."""
        found = self.ended(job)
        assert found["status"] == "succeeded", found
        return found

    def under_way(self, job: str, step: int = 1) -> Json:
        """The job once a worker has come so far with it."""
        return self.wait(job, lambda found: (found["progress"]["step"] or 0) >= step)

    def checkpointed(self, job: str, least: int = 1) -> list[Json]:
        """The checkpoints of a training once there are so many."""
        run, found = self.job(job)["run_id"], list[Json]()

        def enough(_: Json) -> bool:
            found[:] = self.get(f"/v1/runs/{run}/checkpoints")["data"]
            return len(found) >= least

        self.wait(job, enough)
        return found

    def insist(self, method: str, path: str, **request: Any) -> httpx2.Response:  # noqa: ANN401
        """Send a request until it is answered, with anything but that it should be tried again."""
        deadline = time.monotonic() + self.patience
        while True:
            try:
                answer = self._http.request(method, path, **request)
                if answer.status_code not in AGAIN and not _is_key_in_use(answer):
                    assert answer.status_code < 500, answer.text
                    return answer
                said = answer.text
            except httpx2.TransportError as error:
                said = repr(error)
            assert time.monotonic() < deadline, f"{method} {path}: {said}"
            time.sleep(PAUSE)

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients:
            client.close()

    @property
    def _http(self) -> httpx2.Client:
        if not hasattr(self._own, "client"):
            self._own.client = httpx2.Client(base_url=self.api, timeout=5)
            self._clients.append(self._own.client)
        client: httpx2.Client = self._own.client
        return client


def _is_key_in_use(answer: httpx2.Response) -> bool:
    return answer.status_code == 409 and answer.json()["code"] == "idempotency_key_in_use"
