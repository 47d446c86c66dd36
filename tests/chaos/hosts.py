"""The service on several hosts: its servers on this one, each worker in a network namespace with an address of its own.

Needs root and iproute2. A host's line can be cut without a word, as a switch that fails does: nothing is refused, nothing arrives.
"""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from services.registry.db.database import Database
from services.registry.settings import Settings
from services.stack import postgres
from services.stack.parts import Part, is_ready, plan
from services.stack.sockets import socket_folder
from tests.chaos import processes
from tests.chaos.processes import ROOT
from tests.conftest import free_port, wait_until
from tests.s3 import BUCKET, S3Server

NET = "198.18.77"  # of the block for tests of networks (RFC 2544), routed nowhere
HERE, STORAGE = f"{NET}.1", f"{NET}.2"  # this host's addresses; the second one is the storage's
UNUSED_MAC = "02:00:00:00:00:99"  # a hardware address
BRIDGE = "trmtest"
PATIENCE = 60.0  # for a part to be ready, or gone


def allowed() -> bool:
    """Whether namespaces can be made here."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    made = subprocess.run(["ip", "netns", "add", f"{BRIDGE}-probe"], capture_output=True)
    subprocess.run(["ip", "netns", "del", f"{BRIDGE}-probe"], capture_output=True)
    return made.returncode == 0


def ip(*words: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Host:
    """A namespace with one address, on the bridge."""

    def __init__(self, number: int, name: str) -> None:
        self.name, self.space, self.line = name, f"{BRIDGE}-{name}", f"{BRIDGE}{number}"
        self.address = f"{NET}.{number}"
        ip("netns", "add", self.space)
        ip("link", "add", self.line, "type", "veth", "peer", "name", "eth0", "netns", self.space)
        ip("link", "set", self.line, "master", BRIDGE, "up")
        ip("-n", self.space, "address", "add", f"{self.address}/24", "dev", "eth0")
        ip("-n", self.space, "link", "set", "eth0", "up")
        ip("-n", self.space, "link", "set", "lo", "up")

    def cut(self) -> None:
        """From now on nothing arrives and nothing leaves, without an error to either side."""
        ip("link", "set", self.line, "nomaster")

    def cut_from_storage(self) -> None:
        """The same, between this host and the storage alone."""
        ip("-n", self.space, "neighbour", "replace", STORAGE, "lladdr", UNUSED_MAC, "nud", "permanent", "dev", "eth0")

    def heal(self) -> None:
        """Connect it again."""
        ip("link", "set", self.line, "master", BRIDGE)
        subprocess.run(["ip", "-n", self.space, "neighbour", "del", STORAGE, "dev", "eth0"], capture_output=True)


class Cluster:
    """Postgres, broker, S3, gateway and reaper here; workers wherever `work` puts them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.logs = folder, folder / "logs"
        self.logs.mkdir()
        self.hosts: dict[str, Host] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports = {name: free_port("127.0.0.1") for name in ("broker", "gateway")}
        self.api = f"http://{HERE}:{self.ports['gateway']}"
        self.sockets = socket_folder(folder)  # the tests' own way to the servers
        self.database: Database
        self.s3: S3Server

    def open(self) -> None:
        """Start everything but the workers."""
        self._clear_network()  # of a run that was killed
        ip("link", "add", BRIDGE, "type", "bridge")
        for address in (HERE, STORAGE):
            ip("address", "add", f"{address}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        parts = {part.name: part for part in plan(Settings(data_dir=self.folder)).parts}
        postgres.initialise(self.folder / "postgres")
        with (self.folder / "postgres/pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NET}.0/24 trust\n")
        self._serve(processes.hasty_postgres(parts["postgres"], f"listen_addresses={HERE}"))
        told = ["--port", str(self.ports["broker"]), "--bind", HERE, "--protected-mode", "no"]
        self._serve(replace(parts["broker"], command=[*parts["broker"].command, *told]))
        self.database = processes.watched_database(postgres.url(self.sockets))
        self.s3 = S3Server(self.folder / "s3", STORAGE)
        for name, module in (("gateway", ["services.gateway"]), ("reaper", ["workers", "reaper"])):
            self._start(name, [sys.executable, "-m", *module])
        wait_until(lambda: is_ready(self.api), PATIENCE)

    def work(self, name: str, number: int, role: str = "train") -> Host:
        """Have a worker join from another host, with this name as its label."""
        host = self.hosts.get(name) or Host(number, name)
        self.hosts[name] = host
        command = ["ip", "netns", "exec", host.space, sys.executable, "-m", "workers", role]
        self._start(name, command, WORKER_LABELS=name, WORKER_METRICS_HOST="0.0.0.0")
        return host

    def kill(self, name: str) -> None:
        """kill -9, with all that it has started."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)

    def close(self) -> None:
        """End every process, and leave nothing behind on the machine's network."""
        for name in list(self.processes):
            self.kill(name)
        with suppress(AttributeError):
            self.s3.kill()
        with suppress(AttributeError):
            self.database.close()
        self._clear_network()
        shutil.rmtree(self.sockets, ignore_errors=True)

    @staticmethod
    def _clear_network() -> None:
        spaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.splitlines()
        for space in (line.split()[0] for line in spaces if line.startswith(f"{BRIDGE}-")):
            ip("netns", "del", space)
        subprocess.run(["ip", "link", "del", BRIDGE], capture_output=True)

    @property
    def environment(self) -> dict[str, str]:
        """The three settings by which a process joins, with the key of the storage; short times, as in the other tests."""
        joined = processes.environment(
            DATABASE_URL=f"postgresql://{postgres.DATABASE_USER}@{HERE}/{postgres.DATABASE}",
            BROKER_URL=f"redis://{HERE}:{self.ports['broker']}/0",
            STORAGE_URL=f"s3://{BUCKET}/cluster",
            GATEWAY_HOST=HERE,
            GATEWAY_PORT=str(self.ports["gateway"]),
            AUTH="off",
            AUTH_OFF_EXPOSED="true",
        )
        return joined | self.s3.environment | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

    def _serve(self, part: Part) -> None:
        part.prepare()
        self.processes[part.name] = processes.spawn(part.command, self.logs / f"{part.name}.log", **part.popen)
        wait_until(part.is_ready, PATIENCE)

    def _start(self, name: str, command: list[str], **added: str) -> None:
        own = {f"TRM_{key}": value for key, value in added.items()} | {
            "TRM_DATA_DIR": str(self.folder / f"data-{name}")
        }
        self.processes[name] = processes.spawn(command, self.logs / f"{name}.log", self.environment | own)
