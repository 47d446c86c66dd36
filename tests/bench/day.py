"""`make load`: the mix of a day's traffic for some minutes, at an embedded stack of its own; what clients saw beside what Prometheus says.

Every sort of user is one thread that pauses for random times and then waits for what it asked. The latencies are those of requests as
the client saw them, connections kept open.
"""

import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from services.registry.settings import Settings
from services.stack import operator
from tests.api import FINAL, Json
from tests.dashboards import PANELS
from tests.prometheus import Prometheus, binary, running_prometheus
from trm.puzzles.datasets.datasets import load
from trm.puzzles.grids import text

SHARES = (0.5, 0.95, 0.99)
ID = re.compile(r"/(job|run|ckpt)_\w+")
SMALL, ANY_SIZE = "sudoku-6x6", "sudoku"  # models that ship
TRAINING = {"train.steps": 100_000, "train.checkpoint_every": 500, "train.evaluate_every": 1_000}
REQUEST_SECONDS, STEP_PAUSE = 120.0, 0.2
WINDOW = "1m"  # what $__rate_interval is
console = Console(width=150)


class Clients:
    """What all clients saw, and when they stop."""

    def __init__(self, api: str, seed: int) -> None:
        self.http = httpx2.Client(base_url=api, timeout=REQUEST_SECONDS)
        self.seconds: defaultdict[tuple[str, str], list[float]] = defaultdict(list)  # by method and route
        self.answers: Counter[int] = Counter()  # by status
        self.jobs: Counter[tuple[str, str]] = Counter()  # by what asked and how they ended
        self.whole: defaultdict[str, list[float]] = defaultdict(list)  # from asking to the result
        self.over = threading.Event()
        self.trainings: list[str] = []
        self._seed, self._lock, self._threads = seed, threading.Lock(), ThreadPoolExecutor()
        held_out = load(SMALL, "test")
        self.puzzles = [text(held_out.spec, question) for question in held_out.questions[:500]]

    def ask(self, method: str, path: str, **request: Any) -> httpx2.Response:  # noqa: ANN401
        """Send a request and note how long its answer took; raises RuntimeError at a failure of the service."""
        begun = time.perf_counter()
        answer = self.http.request(method, path, **request)
        with self._lock:
            self.seconds[method, _route(path)].append(time.perf_counter() - begun)
            self.answers[answer.status_code] += 1
        if answer.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
            raise RuntimeError(f"{method} {path}: {answer.text[:500]}")
        return answer

    def every(self, seconds: float, act: Callable[[random.Random], None]) -> "Future[None]":
        """Do something again and again, with pauses of so many seconds on average, until it is over."""
        chance = random.Random(f"{self._seed} {act.__name__}")

        def run() -> None:
            while not self.over.wait(chance.expovariate(1 / seconds)):
                act(chance)

        return self._threads.submit(run)

    def finish(self, sort: str, job: Json, begun: float) -> None:
        """Poll a job with its ETag until it has ended, and note how long all of it took."""
        tag = ""
        while job["status"] not in FINAL:
            time.sleep(STEP_PAUSE)
            answer = self.ask("GET", f"/v1/jobs/{job['id']}", headers={"If-None-Match": tag} if tag else {})
            tag = answer.headers.get("ETag", tag)
            if answer.status_code != httpx2.codes.NOT_MODIFIED:
                job = answer.json()
        with self._lock:
            self.whole[sort].append(time.perf_counter() - begun)
            self.jobs[sort, job["status"]] += 1

    def solve_one(self, chance: random.Random) -> None:
        """A person at the console: one puzzle, and a wait for its answer."""
        begun = time.perf_counter()
        body = {"model": SMALL, "puzzle": chance.choice(self.puzzles)}
        self.finish(
            "one puzzle", self.ask("POST", "/v1/solve-jobs", json=body, headers={"Prefer": "wait=30"}).json(), begun
        )

    def solve_many(self, chance: random.Random) -> None:
        """A program: a batch of puzzles, and polls."""
        begun = time.perf_counter()
        body = {"model": SMALL, "puzzles": chance.sample(self.puzzles, 50)}
        self.finish("50 puzzles", self.ask("POST", "/v1/solve-jobs", json=body).json(), begun)

    def solve_harder(self, chance: random.Random) -> None:
        """A person who watches a model think: several rollouts until the rules agree, every step streamed."""
        begun = time.perf_counter()
        effort = {"rollouts": 4, "noise": 0.2, "until_verified": True, "max_steps": 32}
        body = {"model": ANY_SIZE, "puzzle": chance.choice(self.puzzles), **effort}
        job = self.ask("POST", "/v1/solve-jobs", json=body).json()
        self.follow(job)
        self.finish("one puzzle, watched", job, begun)

    def follow(self, job: Json) -> None:
        """Read a job's event stream to its end."""
        path, accept = f"/v1/jobs/{job['id']}/events", {"Accept": "text/event-stream"}
        with self.http.stream("GET", path, headers=accept) as stream:
            for _ in stream.iter_lines():
                pass

    def evaluate(self, chance: random.Random) -> None:
        """A person who compares models."""
        begun = time.perf_counter()
        body = {"model": SMALL, "limit": chance.choice((20, 50, 100))}
        self.finish("evaluation", self.ask("POST", "/v1/evaluation-jobs", json=body).json(), begun)

    def train(self, number: int) -> None:
        """A training that lasts until it is cancelled."""
        body = {"preset": "sudoku-4x4", "name": f"load {number}", "overrides": TRAINING}
        self.trainings.append(self.ask("POST", "/v1/training-jobs", json=body).json()["id"])

    def watch_training(self, chance: random.Random) -> None:
        """The page of a run: its state and its curve."""
        job = self.ask("GET", f"/v1/jobs/{chance.choice(self.trainings)}").json()
        self.ask("GET", f"/v1/runs/{job['run_id']}")
        self.ask("GET", f"/v1/runs/{job['run_id']}/metrics", params={"max_points": 500})

    def browse(self, chance: random.Random) -> None:
        """The lists of the console, and one request that is mistaken."""
        for path in ("/v1/runs", "/v1/jobs", "/v1/models", "/v1/queue", "/v1/workers"):
            self.ask("GET", path)
        self.ask("POST", "/v1/solve-jobs", json={"model": SMALL, "puzzle": "12"})


def _route(path: str) -> str:
    """The template of a path, as the gateway names it."""
    return ID.sub(lambda found: {"job": "/{job_id}", "run": "/{run_id}"}.get(found[1], "/{checkpoint_id}"), path)


def send(clients: Clients, minutes: float) -> None:
    """All sorts of users at once, and two trainings, of which the second waits until the first is cancelled after half of the time."""
    for number in (1, 2):
        clients.train(number)
    users = [
        clients.every(1.0, clients.solve_one),
        clients.every(5.0, clients.solve_many),
        clients.every(5.0, clients.solve_harder),
        clients.every(15.0, clients.evaluate),
        clients.every(2.0, clients.watch_training),
        clients.every(5.0, clients.browse),
    ]
    for job in tuple(clients.trainings):
        clients.over.wait(60 * minutes / len(clients.trainings))
        clients.ask("POST", f"/v1/jobs/{job}/cancel", json={})
    clients.over.set()
    for user in users:
        user.result()


def requests_table(clients: Clients, prometheus: Prometheus | None) -> Table:
    """Latency of requests by route, as clients saw it and as the gateway measured it."""
    head = [f"{who} p{round(100 * share)}" for who in ("client", "gateway") for share in SHARES]
    shown = Table("request", "sent", "counted", *head, box=None, title="Latency of requests, milliseconds")
    for (method, route), seconds in sorted(clients.seconds.items()):
        quantiles = [f"{1000 * value:.1f}" for value in np.quantile(seconds, SHARES)]
        counted, theirs = "-", ["-"] * len(SHARES)
        if prometheus is not None:
            labels = f'{{method="{method}",route="{route}"}}'
            counted = f"{_value(prometheus, f'sum(trm_http_request_seconds_count{labels})'):.0f}"
            buckets = f"sum by (le) (trm_http_request_seconds_bucket{labels})"
            theirs = [f"{1000 * _value(prometheus, f'histogram_quantile({s}, {buckets})'):.1f}" for s in SHARES]
        shown.add_row(f"{method} {route}", str(len(seconds)), counted, *quantiles, *theirs)
    return shown


def jobs_table(clients: Clients) -> Table:
    """From asking to the result, by sort."""
    head = [f"p{round(100 * share)}" for share in SHARES]
    shown = Table("what", "asked", "succeeded", *head, box=None, title="From asking to the result, seconds")
    for sort, seconds in clients.whole.items():
        quantiles = [f"{value:.2f}" for value in np.quantile(seconds, SHARES)]
        shown.add_row(sort, str(len(seconds)), str(clients.jobs[sort, "succeeded"]), *quantiles)
    return shown


def boards_table(prometheus: Prometheus) -> Table:
    """What the boards show as numbers."""
    shown = Table("panel", "shows", "unit", box=None, title="What the boards show")
    for panel in PANELS:
        if panel["type"] == "stat":
            found = prometheus.now(panel["targets"][0]["expr"].replace("$__rate_interval", WINDOW))
            unit = panel["fieldConfig"]["defaults"]["unit"]
            shown.add_row(panel["title"], f"{found[0][1]:.4g}" if found else "nothing", unit)
    return shown


def _value(prometheus: Prometheus, expression: str) -> float:
    found = prometheus.now(expression)
    return found[0][1] if found else float("nan")


@contextmanager
def _stack(folder: Path) -> Iterator[str]:
    settings = Settings(data_dir=folder, gateway_port=0, device="cpu")
    running, _ = operator.up(settings, lambda name: print(f"  + {name}", file=sys.stderr))
    try:
        yield running.api
    finally:
        operator.down(settings)


def main(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Of pauses and puzzles.")] = 1,
) -> None:
    """Send the traffic and print what came of it."""
    program = binary("prometheus")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trm-load-")))
        folder.chmod(0o755)  # Postgres may run as another user
        api = stack.enter_context(_stack(folder / "data"))
        prometheus = None
        if program is not None:
            prometheus = stack.enter_context(running_prometheus(program, api, folder, seconds=5.0))
        clients = Clients(api, seed)
        send(clients, minutes)
        time.sleep(12)  # two more readings
        console.print(requests_table(clients, prometheus), jobs_table(clients))
        if prometheus is None:
            console.print("NO Prometheus on this machine: what the gateway and the boards say is left out.")
        else:
            console.print(boards_table(prometheus))
        console.print(f"{minutes:g} minutes, seed {seed}; answers by status: {dict(sorted(clients.answers.items()))}")


if __name__ == "__main__":
    typer.run(main)
