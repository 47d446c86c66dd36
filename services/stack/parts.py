"""The parts of the embedded stack: how each is started, stopped, and known to be ready."""

import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from services.registry.settings import Settings
from services.stack import broker, postgres
from services.stack.sockets import socket_folder


@dataclass(frozen=True)
class Part:
    """One process of the stack."""

    name: str
    command: list[str]
    is_ready: Callable[[], bool] = lambda: True
    prepare: Callable[[], None] = lambda: None
    stop_signal: signal.Signals = signal.SIGTERM
    once: bool = False  # runs to its end before the next part starts
    popen: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The parts in the order of starting, and the addresses they share."""

    parts: list[Part]
    settings: dict[str, str]  # TRM_* for every part
    database_url: str
    broker_url: str
    api: str


def plan(settings: Settings) -> Plan:
    """What to start for these settings: no server of ours where the settings name another."""
    sockets = socket_folder(settings.data_dir)
    database_url = settings.database_url or postgres.url(sockets)
    broker_url = settings.broker_url or broker.url(sockets)
    port = settings.gateway_port if "gateway_port" in settings.model_fields_set else 0
    api = f"http://{settings.gateway_host}:{port or free_port(settings.gateway_host)}"
    parts = []
    if settings.database_url is None:
        parts.append(_postgres(settings.data_dir / "postgres", sockets))
    if settings.broker_url is None:
        parts.append(_broker(settings.data_dir / "broker", sockets))
    python = [sys.executable, "-m"]
    parts += [
        Part("migrate", [*python, "migrations"], once=True),
        Part("gateway", [*python, "services.gateway"], is_ready=lambda: _answers(f"{api}/readyz")),
        Part("worker-train", [*python, "workers", "train"]),
        Part("worker-solve", [*python, "workers", "solve"]),
        Part("reaper", [*python, "workers", "reaper"]),
    ]
    environment = {
        "TRM_DATABASE_URL": database_url,
        "TRM_BROKER_URL": broker_url,
        "TRM_DATA_DIR": str(settings.data_dir),
        "TRM_GATEWAY_PORT": api.rsplit(":", 1)[1],
    }
    return Plan(parts, environment, database_url, broker_url, api)


def _postgres(data: Path, sockets: Path) -> Part:
    return Part(
        "postgres",
        postgres.server_command(data, sockets),
        is_ready=lambda: postgres.answers(sockets) and _created(sockets),
        prepare=lambda: postgres.initialise(data),
        stop_signal=signal.SIGINT,  # fast: ends sessions, loses nothing
        popen=postgres.owner(postgres.run_as()),
    )


def _created(sockets: Path) -> bool:
    postgres.create_database(sockets)
    return True


def _broker(data: Path, sockets: Path) -> Part:
    return Part(
        "broker",
        broker.server_command(data, sockets),
        is_ready=lambda: broker.answers(sockets),
        prepare=lambda: data.mkdir(parents=True, exist_ok=True),
    )


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=2).status_code == httpx2.codes.OK
    except httpx2.HTTPError:
        return False


def free_port(host: str) -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
