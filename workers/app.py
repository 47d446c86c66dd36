"""The Celery side: tasks that hand a job's id to the code that does the work."""

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog
from celery import Celery, signals
from celery.platforms import SecurityWarning

from services.registry.jobs import queue
from services.registry.jobs.waiting import evaluations_at_once
from services.registry.metrics.metrics import SolveMetrics, TrainMetrics
from services.registry.states import JobKind
from workers import attempt
from workers.context import Worker
from workers.idleness import stop_when_idle
from workers.lookout import looking_out
from workers.places import Places
from workers.solving.engine_loop import EngineLoop
from workers.solving.evaluate import evaluate
from workers.solving.models import Models
from workers.solving.solve import solve
from workers.training.train import train

log = structlog.get_logger()


def train_app(worker: Worker[TrainMetrics]) -> Celery:
    """Celery with the training task."""
    app = queue.celery_app(worker.settings)

    @app.task(name=queue.TASKS[JobKind.TRAIN])  # type: ignore[untyped-decorator]
    def run_training(job_id: str) -> None:
        attempt.run(worker, JobKind.TRAIN, job_id, train)

    return app


def solve_app(worker: Worker[SolveMetrics]) -> Celery:
    """Celery with the tasks of solve and evaluation jobs, which share models and slots."""
    app, models = queue.celery_app(worker.settings), Models(worker)
    engine_loop = EngineLoop(worker.metrics, worker.cores)
    evaluations = Places(evaluations_at_once(worker.settings.solve_concurrency))

    def examine(job_id: str) -> None:
        if not worker.stopping.is_set():
            work = partial(evaluate, models=models, engine_loop=engine_loop)
            attempt.run(worker, JobKind.EVALUATE, job_id, work)

    @app.task(name=queue.TASKS[JobKind.SOLVE])  # type: ignore[untyped-decorator]
    def run_solving(job_id: str) -> None:
        attempt.run(worker, JobKind.SOLVE, job_id, partial(solve, models=models, engine_loop=engine_loop))

    @app.task(name=queue.TASKS[JobKind.EVALUATE])  # type: ignore[untyped-decorator]
    def run_evaluation(job_id: str) -> None:
        evaluations.run(job_id, examine)

    return app


def serve(app: Celery, worker: Worker[Any], role: str, kinds: Sequence[JobKind], concurrency: int) -> None:
    """Consume until a SIGTERM; what runs then is told to stop, and is waited for."""
    app.conf.task_queues = [worker.queue]

    def stop(**_: object) -> None:
        worker.stopping.set()

    def watch(**_: object) -> None:
        stop_when_idle(worker.idleness, worker.settings.worker_idle_seconds)

    signals.worker_shutting_down.connect(stop)
    signals.worker_ready.connect(watch)  # before, a SIGTERM would end it without a farewell
    # against root, for the sake of pickles: messages are job ids in JSON
    warnings.simplefilter("ignore", SecurityWarning)
    names = ",".join([*(queue.QUEUES[kind] for kind in kinds), worker.queue.name])
    with looking_out(worker, app, kinds, concurrency):
        app.worker_main(
            [
                "--quiet", "worker", "--queues", names, "--pool", "threads", "--concurrency", str(concurrency),
                "--hostname", f"{role}@{worker.name}", "--without-mingle", "--without-gossip",
                "--loglevel", worker.settings.log_level.upper(),
            ]
        )  # fmt: skip
