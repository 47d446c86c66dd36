"""Simulated workers: what worker processes do for their jobs, less the computing, by the workers' own code, many in a process."""

import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from queue import Empty
from typing import Any

import structlog
from kombu.simple import SimpleQueue
from prometheus_client import CollectorRegistry

from services.registry.db.database import Database
from services.registry.jobs import job_events, leases, queue, solutions
from services.registry.metrics.metrics import SolveMetrics, TrainMetrics
from services.registry.settings import Settings
from services.registry.states import JobKind
from services.registry.storage.storage import Storage
from tests.bench.tiny import PUZZLE, claimed, config_of, step_event
from trm.interface.events import StepMetrics, Updated
from workers import attempt
from workers.context import Worker
from workers.training.journal import Journal
from workers.training.progress import TrainingProgress

PROCESSES = 4
POLL_SECONDS = 0.2
LOGGED_STEPS = 10  # of a training in a write
ANSWER: dict[str, Any] = {
    "index": 0, "question": PUZZLE, "answer": "1234341221434321", "verified": True, "halt_probability": 0.9, "steps": 4,
    "total_steps": 4, "reason": "halted", "chosen_by": "only", "chain": 0, "votes": 1, "chains": 1, "trace": None,
}  # fmt: skip


@dataclass
class Seen:
    """What simulated workers have measured, in seconds."""

    claims: list[float] = field(default_factory=list)  # from a message in hand to a claimed job
    writes: list[float] = field(default_factory=list)  # heartbeats, or what a training records at a time


Part = Callable[..., Seen]  # of (workers, stop, *arguments): what a process of simulated workers does


class Crowd:
    """Processes of simulated workers that have started and wait for the word to begin."""

    def __init__(self, part: Part, workers: int, arguments: tuple[object, ...]) -> None:
        context = multiprocessing.get_context("spawn")
        self.go, self.stop = context.Event(), context.Event()
        self.processes: list[tuple[SpawnProcess, Connection]] = []
        for _ in range(PROCESSES):
            hear, tell = context.Pipe(duplex=False)
            told = (part, self.go, self.stop, tell, workers // PROCESSES, arguments)
            process = context.Process(target=_run, args=told, daemon=True)
            process.start()
            self.processes.append((process, hear))
        for _, hear in self.processes:
            hear.recv()

    def work_until(self, done: Callable[[], bool]) -> None:
        """Let them work until it is done, or until they have nothing left to do."""
        self.go.set()
        while not done() and not all(hear.poll() for _, hear in self.processes):
            time.sleep(POLL_SECONDS)

    def kill_one(self) -> None:
        """End a process and all its workers without a word."""
        process, _ = self.processes.pop()
        process.kill()
        process.join()

    def end(self) -> Seen:
        """Stop them; what those that live have seen."""
        self.stop.set()
        everything = Seen()
        for process, hear in self.processes:
            seen: Seen = hear.recv()
            everything.claims += seen.claims
            everything.writes += seen.writes
            process.join()
        return everything


@contextmanager
def simulated(part: Part, workers: int, *arguments: object) -> Iterator[Crowd]:
    """So many workers that are ready; those that are left are killed at the end of the block."""
    crowd = Crowd(part, workers, arguments)
    try:
        yield crowd
    finally:
        for process, _ in crowd.processes:
            process.kill()


def _run(part: Part, go: Event, stop: Event, tell: Connection, workers: int, arguments: tuple[object, ...]) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    tell.send("ready")
    go.wait()
    tell.send(part(workers, stop, *arguments))


def solve_jobs(workers: int, stop: Event, settings: Settings, seconds: float) -> Seen:
    """Take messages, and think so long about each job."""
    seen, database = Seen(), Database.of(settings, pool_size=workers)

    def run_one(number: int) -> None:
        name = f"simulated:{os.getpid()}:{number}"
        _solve(
            Worker(settings, database, Storage.of(settings), SolveMetrics(CollectorRegistry()), name),
            seconds,
            stop,
            seen,
        )

    _run_at_once(workers, run_one)
    return seen


def _solve(worker: Worker[SolveMetrics], seconds: float, stop: Event, seen: Seen) -> None:
    for message in _messages(worker.settings, queue.QUEUES[JobKind.SOLVE], stop):
        begun = time.perf_counter()

        def work(worker: Worker[SolveMetrics], claim: leases.Claim, begun: float = begun) -> dict[str, Any]:
            seen.claims.append(time.perf_counter() - begun)
            _think(worker, claim, seconds, seen)
            answer(worker, claim)
            return {"n": 1}

        attempt.run(worker, JobKind.SOLVE, message[0][0], work)


def _messages(settings: Settings, name: str, stop: Event, prefix: str | None = None) -> Iterator[Any]:
    """The bodies of messages, each taken for good, until told to stop."""
    app = queue.celery_app(settings)
    if prefix is not None:
        app.conf.broker_transport_options["global_keyprefix"] = prefix
    with app.connection_for_read() as connection, closing(SimpleQueue(connection, name)) as messages:  # type: ignore[no-untyped-call]
        while not stop.is_set():
            try:
                message = messages.get(timeout=POLL_SECONDS)  # type: ignore[no-untyped-call]
            except Empty:
                continue
            message.ack()
            yield message.payload


def _think(worker: Worker[SolveMetrics], claim: leases.Claim, seconds: float, seen: Seen) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, worker.settings.heartbeat_seconds))
        begun = time.perf_counter()
        with worker.database.transaction() as session:
            leases.heartbeat(session, claim, 0)
        seen.writes.append(time.perf_counter() - begun)


def answer(worker: Worker[SolveMetrics], claim: leases.Claim) -> None:
    """Record it in one transaction, as the solve task does."""
    with worker.database.transaction() as session:
        leases.heartbeat(session, claim, 1)
        solutions.add(session, claim, [ANSWER])
        job_events.append(session, claim, [("solved", {"count": 1, "answered": 1})])


def take_messages(workers: int, stop: Event, settings: Settings, name: str) -> Seen:
    """The yardstick: take messages that another Celery has sent, and do nothing about them."""

    def run_one(_: int) -> None:
        for _message in _messages(settings, name, stop, prefix=""):
            pass

    _run_at_once(workers, run_one)
    return Seen()


def train(workers: int, stop: Event, settings: Settings, seconds: float) -> Seen:
    """Record trainings for so long, one write after the other."""
    seen, database = Seen(), Database.of(settings, pool_size=workers)

    def run_one(_: int) -> None:
        config = config_of()
        with database.transaction() as session:
            claim = claimed(session, config)
        worker = Worker(settings, database, Storage.of(settings), TrainMetrics(CollectorRegistry()))
        journal, until, step = Journal(worker, claim, TrainingProgress(config)), time.monotonic() + seconds, 0
        while time.monotonic() < until and not stop.is_set():
            seen.writes.append(record(journal, step))
            step += LOGGED_STEPS

    _run_at_once(workers, run_one)
    return seen


def record(journal: Journal, step: int) -> float:
    """Write down what a training has logged after a step; the seconds of the write."""
    for number in range(step + 1, step + LOGGED_STEPS + 1):
        journal.take(Updated(number))
        event = {name: value for name, value in step_event(number).items() if name != "event"}
        journal.take(StepMetrics(**event))
    begun = time.perf_counter()
    journal.write()
    return time.perf_counter() - begun


def _run_at_once(workers: int, run_one: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=run_one, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
