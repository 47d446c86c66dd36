"""The service as real processes that can each be killed, stopped, frozen and started again, on lines and disks that can fail."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
from celery import Celery

from services.registry.db.database import Database
from services.registry.jobs import queue
from services.registry.settings import Settings
from services.stack import broker, postgres
from services.stack.parts import plan
from services.stack.sockets import socket_folder
from tests.chaos import points, processes
from tests.chaos.disk import Disk
from tests.chaos.processes import MIB, ROOT, hasty_postgres
from tests.chaos.wire import Wire
from tests.conftest import free_port, wait_until

GIB = 1 << 30
HOST = "127.0.0.1"
PATIENCE = 60.0  # for a part to be ready, or gone
RESTART_SECONDS = 0.3  # until a part that has died is started again, as an init system would
TRAIN, TRAIN_TOO, SOLVE = "worker-train", "worker-train-2", "worker-solve"
SERVERS = ("postgres", "broker")
WORKERS = (TRAIN, SOLVE)
POLITE = re.compile(r"\[\w+\]$|gateway.cannot_start")
PYTHON_PARTS = ("gateway", *WORKERS, "reaper")


class Stand:
    """Postgres, broker, gateway, workers and reaper; a part that dies is started again unless it is to be down."""

    def __init__(self, folder: Path) -> None:
        data = folder / "data"
        self.folder, self.data = folder, data
        self.points = folder / "points"
        self.logs = folder / "logs"
        for made in (data, self.points, self.logs):
            made.mkdir()
        self.disks = {
            "artifacts": Disk(data / "artifacts", GIB),
            "scratch": Disk(data / "scratch", 64 * MIB),
            "postgres": Disk(data / "postgres", GIB),
            "logs": Disk(self.logs, GIB),
        }
        sockets = socket_folder(data)
        self.sockets = sockets
        self.wires = {
            "postgres": Wire(folder / ".s.PGSQL.5432", sockets / ".s.PGSQL.5432"),
            "broker": Wire(folder / broker.SOCKET, sockets / broker.SOCKET),
        }
        self._plan = plan(Settings(data_dir=data))
        self.api = self._plan.api
        self.parts = {part.name: part for part in self._plan.parts if not part.once}
        self.parts["postgres"] = hasty_postgres(self.parts["postgres"])
        self.parts[TRAIN_TOO] = replace(self.parts[TRAIN], name=TRAIN_TOO)
        self.ports = {name: free_port(HOST) for name in self.parts if name not in (*SERVERS, "gateway")}
        for name, port in self.ports.items():
            self.parts[name] = replace(self.parts[name], is_ready=partial(_listens, port))
        self.added: dict[str, dict[str, str]] = {}  # to the environment of a part
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.crashes: list[str] = []  # parts that ended for a reason of their own
        self._ended: set[int] = set()  # processes that we have ended
        self._wanted: set[str] = set()
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._keeper.start()
        self.database: Database
        self.app: Celery

    def open(self) -> None:
        """Start everything but the second training worker."""
        for name in SERVERS:
            self.up(name)
        url = postgres.url(self.sockets)
        self.database = processes.watched_database(url)  # past the wire: the checks are not hit by faults
        settings = Settings(database_url=url, broker_url=broker.url(self.sockets), data_dir=self.data)
        self.app = queue.publisher_app(settings)
        for name in PYTHON_PARTS:
            self.up(name, wait=False)
        for name in PYTHON_PARTS:
            self.wait_ready(name)

    def close(self) -> None:
        """End every process and leave nothing behind."""
        self._closing.set()
        self._keeper.join(PATIENCE)
        for name in (TRAIN_TOO, *reversed(PYTHON_PARTS), *reversed(SERVERS)):
            if name in self.processes:
                self.down(name, self.parts[name].stop_signal)
        for wire in self.wires.values():
            wire.close()
        with suppress(AttributeError):
            self.app.close()
            self.database.close()
        for disk in self.disks.values():
            disk.close()
        shutil.rmtree(self.sockets, ignore_errors=True)

    def up(self, name: str, *, wait: bool = True) -> None:
        """Have a part run."""
        with self._lock:
            self._wanted.add(name)
            process = self.processes.get(name)
            if process is None or process.poll() is not None:
                self._spawn(name)
        if wait:
            self.wait_ready(name)

    def down(self, name: str, how: signal.Signals = signal.SIGKILL) -> None:
        """Have a part end, and not come back before `up`."""
        with self._lock:
            self._wanted.discard(name)
            process = self.processes[name]
        self._ended.add(process.pid)
        process.send_signal(how)
        self._gone(process)

    def kill(self, name: str) -> None:
        """kill -9; it is started again soon."""
        process = self.processes[name]
        process.kill()
        self._gone(process)

    def stop(self, name: str, times: int = 1) -> None:
        """SIGTERM, and again at once; it is started again once it has ended."""
        process = self.processes[name]
        self._ended.add(process.pid)
        for _ in range(times):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
        self._gone(process)

    def restart(self, name: str, **added: str) -> None:
        """Stop it cleanly, and start it again with this in its environment."""
        self.down(name, self.parts[name].stop_signal)
        self.added[name] = added
        self.up(name)

    def freeze(self, name: str) -> None:
        """SIGSTOP."""
        self.processes[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """SIGCONT."""
        self.processes[name].send_signal(signal.SIGCONT)

    def trainer(self, name: str = TRAIN) -> psutil.Process:
        """The process that trains for a worker, once there is one."""
        found: list[psutil.Process] = []

        def exists() -> bool:
            with suppress(psutil.NoSuchProcess):
                found[:] = psutil.Process(self.processes[name].pid).children()
            return bool(found)

        wait_until(exists, PATIENCE)
        return found[0]

    def arm(self, part: str, point: str, what: str, **more: float) -> list[Path]:
        """Let a fault strike a part at a point; see `points.arm`."""
        return points.arm(self.points, part, point, what, **more)  # type: ignore[arg-type]

    def struck(self, armed: list[Path]) -> None:
        """Wait until these faults have struck."""
        wait_until(lambda: not any(file.exists() for file in armed), PATIENCE)

    def heal(self) -> None:
        """Undo whatever a test has left broken, as far as the stand knows of it."""
        for file in self.points.iterdir():
            file.unlink(missing_ok=True)
        for disk in self.disks.values():
            disk.drain()
        for wire in self.wires.values():
            wire.mend()
        for process in list(self.processes.values()):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
        for name in (*SERVERS, *PYTHON_PARTS):
            self.up(name, wait=False)
        for name in (*SERVERS, *PYTHON_PARTS):
            self.wait_ready(name)
        if TRAIN_TOO in self._wanted:
            self.down(TRAIN_TOO, signal.SIGTERM)

    def wait_ready(self, name: str) -> None:
        """Wait until a part runs and does its duty."""
        part = self.parts[name]
        wait_until(lambda: self.processes[name].poll() is None and part.is_ready(), PATIENCE)

    def tail(self, lines: int = 8) -> str:
        """The end of every log."""
        return processes.tail(self.logs, lines)

    def _keep(self) -> None:
        while not self._closing.wait(RESTART_SECONDS):
            with self._lock:
                for name in list(self._wanted):
                    if self.processes[name].poll() is not None:
                        self._spawn(name)

    def _note_crash(self, name: str) -> None:
        """One that cannot start says so in a sentence with a code, and is no crash; nor is one that was killed by a signal."""
        process = self.processes.get(name)
        if process is None or name in SERVERS or process.pid in self._ended or (process.poll() or 0) <= 0:
            return
        last = (self.logs / f"{name}.log").read_text(errors="replace").strip().rsplit("\n", 1)[-1]
        if not POLITE.search(last):
            self.crashes.append(f"{name} ended with status {process.returncode}: {last}")

    def _spawn(self, name: str) -> None:
        part = self.parts[name]
        self._note_crash(name)
        part.prepare()
        log = self.logs / f"{name}.log"
        self.processes[name] = processes.spawn(part.command, log, self._environment(name), **part.popen)

    def _environment(self, name: str) -> dict[str, str]:
        ours = processes.environment(
            DATABASE_URL=postgres.url(self.folder),
            BROKER_URL=broker.url(self.folder),
            DATA_DIR=str(self.data),
            GATEWAY_PORT=self.api.rsplit(":", 1)[1],
            WORKER_METRICS_PORT=str(self.ports.get(name, 0)),
        )
        chaos = {
            points.FOLDER: str(self.points),
            points.PART: name,
            "PYTHONPATH": os.pathsep.join((str(Path(__file__).parent / "hooks"), str(ROOT))),
        }
        return ours | chaos | self.added.get(name, {})

    @staticmethod
    def _gone(process: "subprocess.Popen[bytes]") -> None:
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((HOST, port)) == 0
