"""The real servers that the bench measures, in a temporary folder: durable, on unix sockets and free ports, gone afterwards."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from migrations.upgrade import upgrade
from services.registry.settings import Settings
from services.stack import broker, postgres
from tests.conftest import free_port

READY_SECONDS = 60.0
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Stand:
    """A running Postgres (with fsync, unlike the tests') and a running broker."""

    folder: Path
    settings: Settings

    @property
    def environment(self) -> dict[str, str]:
        """What a process of the service finds the servers by."""
        urls = {"DATABASE_URL": self.settings.database_url or "", "BROKER_URL": self.settings.broker_url or ""}
        ours = urls | {"DATA_DIR": str(self.settings.data_dir), "DEVICE": "cpu", "WORKER_METRICS_PORT": "0"}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TRM_")}
        return clean | {f"TRM_{name}": value for name, value in ours.items()}

    @contextmanager
    def gateway(self) -> Iterator[str]:
        """A gateway process; the value is its URL."""
        port = free_port(HOST)
        command = [sys.executable, "-m", "services.gateway"]
        with self._served(command, f"http://{HOST}:{port}", "/readyz", {"TRM_GATEWAY_PORT": str(port)}) as url:
            yield url

    @contextmanager
    def bare_app(self) -> Iterator[str]:
        """The yardstick under uvicorn as its documentation starts it, with the same broker; the value is its URL."""
        port = free_port(HOST)
        command = [sys.executable, "-m", "uvicorn", "tests.bench.bare_app:app", "--host", HOST, "--port", str(port)]
        added = {"BARE_BROKER_URL": self.settings.broker_url or ""}
        with self._served(command, f"http://{HOST}:{port}", "/openapi.json", added) as url:
            yield url

    @contextmanager
    def solve_worker(self) -> Iterator[None]:
        """A solve worker process; it may still be starting."""
        with self.worker("solve"):
            yield

    @contextmanager
    def worker(self, role: str) -> Iterator[None]:
        """A worker process; it may still be starting."""
        with self.process([sys.executable, "-m", "workers", role], lambda: True):
            yield

    @contextmanager
    def _served(self, command: list[str], url: str, probe: str, added: dict[str, str]) -> Iterator[str]:
        with self.process(command, lambda: _answers(url + probe), added):
            yield url

    @contextmanager
    def process(
        self, command: list[str], is_ready: Callable[[], bool], added: dict[str, str] | None = None
    ) -> Iterator[None]:
        """A process of the service, from ready to ended; what it logs goes to a file."""
        with (
            (self.folder / "processes.log").open("ab") as log,
            running(command, is_ready, env=self.environment | (added or {}), stdout=log, stderr=log),
        ):
            yield


@contextmanager
def stand(max_connections: int = 200) -> Iterator[Stand]:
    """Servers of their own in a folder of their own."""
    folder = Path(tempfile.mkdtemp(prefix="trm-bench-"))
    folder.chmod(0o777)  # Postgres may run as another user
    data = folder / "broker"
    data.mkdir()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres.initialise(folder / "postgres")
        command = [*postgres.server_command(folder / "postgres", folder), "-c", f"max_connections={max_connections}"]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        owner = postgres.owner(postgres.run_as())
        ready = lambda: postgres.answers(folder)  # noqa: E731
        stack.enter_context(running(command, ready, signal.SIGINT, cwd="/", **quiet, **owner))
        stack.enter_context(running(broker.server_command(data, folder), lambda: broker.answers(folder), **quiet))
        postgres.create_database(folder)
        upgrade(postgres.url(folder))
        yield Stand(
            folder,
            Settings(
                database_url=postgres.url(folder),
                broker_url=broker.url(folder),
                data_dir=folder / "data",
                device="cpu",
            ),
        )


@contextmanager
def running(
    command: list[str],
    is_ready: Callable[[], bool],
    stop: signal.Signals = signal.SIGTERM,
    **popen: Any,  # noqa: ANN401
) -> Iterator[None]:
    """A process from ready to ended."""
    with subprocess.Popen(command, **popen) as process:
        try:
            deadline = time.monotonic() + READY_SECONDS
            while not is_ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command} did not start")
                time.sleep(0.05)
            yield
        finally:
            process.send_signal(stop)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=2).status_code == httpx2.codes.OK
    except httpx2.HTTPError:
        return False
