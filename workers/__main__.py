"""`python -m workers train|solve|reaper`: one process, one role."""

import os
import signal
import socket
import sys
import threading
from enum import StrEnum
from math import isnan

import structlog
import typer
from prometheus_client import CollectorRegistry, start_http_server

from services.registry.db.database import Database, require_head
from services.registry.errors import RegistryError
from services.registry.jobs import queue
from services.registry.jobs.requirements import Capabilities
from services.registry.logging import configure_logging
from services.registry.metrics.metrics import ReaperMetrics, SolveMetrics, TrainMetrics
from services.registry.settings import Settings, load_settings
from services.registry.states import JobKind
from services.registry.storage.storage import Storage
from services.registry.tracing.export import configure_tracing
from trm.errors import DeviceUnavailable
from trm.network.host import keep_big_buffers, share_cores
from workers import capabilities
from workers.app import serve, solve_app, train_app
from workers.context import Worker
from workers.presence import announced, of_this_process
from workers.reaper import Reaper
from workers.webhooks.webhooks import WebhookSender

POOL_SIZE = 8  # transactions are short: many jobs share few connections
log = structlog.get_logger()


class Role(StrEnum):
    """Role of a worker process."""

    TRAIN = "train"
    SOLVE = "solve"
    REAPER = "reaper"


def main(role: Role) -> None:
    """Run one worker in the foreground until SIGTERM."""
    share_cores()
    try:
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format, part=f"worker-{role.value}")
        configure_tracing("reaper" if role is Role.REAPER else f"worker-{role.value}")
        database = Database.of(settings, pool_size=POOL_SIZE)
        require_head(database)
        offers = capabilities.of_processor(settings) if role is Role.REAPER else capabilities.find(settings)
    except (RegistryError, DeviceUnavailable) as error:
        print(f"{error} [{error.code}]", file=sys.stderr)
        raise typer.Exit(1) from error
    registry = CollectorRegistry()
    server, _ = start_http_server(settings.worker_metrics_port, settings.worker_metrics_host, registry)
    log.info(
        "worker.started",
        role=role.value,
        pid=os.getpid(),
        metrics_port=server.server_port,
        devices=offers.devices,
        labels=list(offers.labels),
        device=settings.device,
        lease_seconds=settings.lease_seconds,
        storage=settings.storage_url,
    )
    run = {Role.TRAIN: _train, Role.SOLVE: _solve, Role.REAPER: _reap}[role]
    name = f"{socket.gethostname()}:{os.getpid()}"
    process = of_this_process(settings, name, role.value, server.server_port, offers)
    with announced(database, process, lambda: _count_busy_slots(registry)):
        run(settings, database, registry, offers)


def _count_busy_slots(registry: CollectorRegistry) -> int | None:
    """Chains in thought, as the solver counts them; None in other roles."""
    busy = registry.get_sample_value("trm_solve_slots_busy")
    if busy is None:
        return None
    return 0 if isnan(busy) else int(busy)  # the gauge is set with the first puzzle


def _train(settings: Settings, database: Database, registry: CollectorRegistry, offers: Capabilities) -> None:
    worker = Worker(settings, database, Storage.of(settings), TrainMetrics(registry), offers=offers)
    serve(train_app(worker), worker, Role.TRAIN.value, [JobKind.TRAIN], concurrency=1)


def _solve(settings: Settings, database: Database, registry: CollectorRegistry, offers: Capabilities) -> None:
    keep_big_buffers()
    # else compiled kernels keep to the number they began with
    os.environ.setdefault("TORCHINDUCTOR_CPP_DYNAMIC_THREADS", "1")
    import trm.solving.solver  # noqa: F401  takes seconds, which the first job would wait for

    worker = Worker(settings, database, Storage.of(settings), SolveMetrics(registry), offers=offers)
    kinds = [JobKind.SOLVE, JobKind.EVALUATE]
    serve(solve_app(worker), worker, Role.SOLVE.value, kinds, settings.solve_concurrency)


def _reap(settings: Settings, database: Database, registry: CollectorRegistry, offers: Capabilities) -> None:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if settings.webhooks:
        threading.Thread(target=WebhookSender(database).run, args=(stopping,), name="webhooks", daemon=True).start()
    Reaper(settings, database, queue.publisher_app(settings), ReaperMetrics(registry)).run(stopping)


if __name__ == "__main__":
    typer.run(main)
