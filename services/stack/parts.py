"""The parts of the embedded stack: how each is started, stopped, and known to be ready."""

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from services.registry.settings import Settings
from services.stack import broker, ports, postgres
from services.stack.sockets import socket_folder

WORKERS = ("worker-train", "worker-solve", "reaper")


@dataclass(frozen=True)
class Part:
    """One process of the stack."""

    name: str
    command: list[str]
    is_ready: Callable[[], bool] = lambda: True
    prepare: Callable[[], None] = lambda: None
    stop_signal: signal.Signals = signal.SIGTERM
    once: bool = False  # runs to its end before the next part starts
    is_patient: bool = False  # started again when it ends while it starts: what is in its way may go
    settings: dict[str, str] = field(default_factory=dict)  # TRM_* for this part alone
    popen: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The parts in the order of starting, and the addresses they share."""

    parts: list[Part]
    settings: dict[str, str]  # TRM_* for every part
    database_url: str
    broker_url: str
    api: str
    metrics: dict[str, str]  # part -> where Prometheus can read it


def plan(settings: Settings) -> Plan:
    """What to start for these settings: no server of ours where the settings name another."""
    sockets = socket_folder(settings.data_dir)
    database_url = settings.database_url or postgres.url(sockets)
    broker_url = settings.broker_url or broker.url(sockets)
    hosts = {"gateway": settings.gateway_host} | dict.fromkeys(WORKERS, settings.worker_metrics_host)
    chosen = ports.choose(settings.data_dir, hosts)
    if "gateway_port" in settings.model_fields_set and settings.gateway_port:
        chosen["gateway"] = settings.gateway_port
    api = f"http://{settings.gateway_host}:{chosen['gateway']}"
    parts = []
    if settings.database_url is None:
        parts.append(_make_postgres(settings.data_dir / "postgres", sockets))
    if settings.broker_url is None:
        parts.append(_make_broker(settings.data_dir / "broker", sockets))
    python = [sys.executable, "-m"]
    parts += [
        Part("migrate", [*python, "migrations"], once=True),
        Part("gateway", [*python, "services.gateway"], is_ready=lambda: is_ready(api)),
    ]
    for name in WORKERS:
        command = [*python, "workers", name.removeprefix("worker-")]
        parts.append(Part(name, command, settings={"TRM_WORKER_METRICS_PORT": str(chosen[name])}))
    environment = {
        "TRM_DATABASE_URL": database_url,
        "TRM_BROKER_URL": broker_url,
        "TRM_DATA_DIR": str(settings.data_dir),
        "TRM_GATEWAY_PORT": str(chosen["gateway"]),
    }
    metrics = {name: f"http://{settings.worker_metrics_host}:{chosen[name]}/metrics" for name in WORKERS}
    return Plan(parts, environment, database_url, broker_url, api, {"gateway": f"{api}/metrics"} | metrics)


def _make_postgres(data: Path, sockets: Path) -> Part:
    return Part(
        "postgres",
        postgres.server_command(data, sockets),
        is_ready=lambda: postgres.answers(sockets) and _create_database(sockets),
        prepare=lambda: _prepare_postgres(data, sockets),
        stop_signal=signal.SIGINT,  # fast: ends sessions, loses nothing
        is_patient=True,
        popen=postgres.owner(postgres.run_as()),
    )


def _prepare_postgres(data: Path, sockets: Path) -> None:
    postgres.initialise(data)
    postgres.clear_stale(data, sockets)


def _create_database(sockets: Path) -> bool:
    postgres.create_database(sockets)
    return True


def _make_broker(data: Path, sockets: Path) -> Part:
    return Part(
        "broker",
        broker.server_command(data, sockets),
        is_ready=lambda: broker.answers(sockets),
        prepare=lambda: data.mkdir(parents=True, exist_ok=True),
        is_patient=True,
    )


def is_ready(api: str) -> bool:
    """Whether a gateway at this address answers, and can do its work."""
    try:
        return httpx2.get(f"{api}/readyz", timeout=2).status_code == httpx2.codes.OK
    except httpx2.HTTPError:
        return False
