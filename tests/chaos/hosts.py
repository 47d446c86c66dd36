"""The service on several hosts: its servers on this one, each worker in a network namespace with an address of its own.

Needs root and iproute2. A host's line can be cut without a word, as a switch that fails does: nothing is refused, nothing arrives.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import psycopg

from migrations.upgrade import upgrade
from services.registry.db.database import Database
from services.stack import broker, postgres
from tests.chaos import witness
from tests.chaos.stand import ROOT, SHORT
from tests.conftest import free_port, wait_until
from tests.s3 import BUCKET, S3Server
from workers.training.child import _die_with_parent

NET = "198.18.77"  # of the block for tests of networks (RFC 2544), routed nowhere
HERE, STORAGE = f"{NET}.1", f"{NET}.2"  # this host's addresses; the second one is the storage's
UNUSED_MAC = "02:00:00:00:00:99"  # a hardware address
BRIDGE = "trmtest"
START_SECONDS = 60.0


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
        self.ports = {name: free_port("127.0.0.1") for name in ("postgres", "broker", "gateway")}
        self.api = f"http://{HERE}:{self.ports['gateway']}"
        self.database: Database
        self.s3: S3Server

    def open(self) -> None:
        """Start everything but the workers."""
        self._clear_network()  # of a run that was killed
        ip("link", "add", BRIDGE, "type", "bridge")
        for address in (HERE, STORAGE):
            ip("address", "add", f"{address}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        self._serve_postgres()
        data = self.folder / "broker"
        data.mkdir()
        command = broker.server_command(data, self.folder)
        command += ["--port", str(self.ports["broker"]), "--bind", HERE, "--protected-mode", "no"]
        self._start("broker", command)
        self.s3 = S3Server(self.folder / "s3", STORAGE)
        for name, module in (("gateway", ["services.gateway"]), ("reaper", ["workers", "reaper"])):
            self._start(name, [sys.executable, "-m", *module])
        wait_until(self._is_ready, START_SECONDS)

    def work(self, name: str, number: int, role: str = "train") -> Host:
        """Have a worker join from another host, with this name as its label."""
        host = self.hosts.get(name) or Host(number, name)
        self.hosts[name] = host
        command = ["ip", "netns", "exec", host.space, sys.executable, "-m", "workers", role]
        self._start(name, command, TRM_WORKER_LABELS=name, TRM_WORKER_METRICS_HOST="0.0.0.0")
        return host

    def kill(self, name: str) -> None:
        """kill -9, with all that it has started."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(START_SECONDS)

    def close(self) -> None:
        """End every process, and leave nothing behind on the machine's network."""
        for name in list(self.processes):
            self.kill(name)
        with suppress(AttributeError):
            self.s3.kill()
        with suppress(AttributeError):
            self.database.close()
        self._clear_network()

    @staticmethod
    def _clear_network() -> None:
        spaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.splitlines()
        for space in (line.split()[0] for line in spaces if line.startswith(f"{BRIDGE}-")):
            ip("netns", "del", space)
        subprocess.run(["ip", "link", "del", BRIDGE], capture_output=True)

    def tail(self, lines: int = 15) -> str:
        """The end of every log."""
        said = []
        for file in sorted(self.logs.glob("*.log")):
            said += [f"--- {file.stem}", *file.read_text(errors="replace").splitlines()[-lines:]]
        return "\n".join(line[:300] for line in said if "request.served" not in line)

    @property
    def environment(self) -> dict[str, str]:
        """The three settings by which a process joins, with the key of the storage; short times, as in the other tests."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("TRM_", "AWS_"))}
        joined = {
            "TRM_DATABASE_URL": f"postgresql://{postgres.DATABASE_USER}@{HERE}:{self.ports['postgres']}/{postgres.DATABASE}",
            "TRM_BROKER_URL": f"redis://{HERE}:{self.ports['broker']}/0",
            "TRM_STORAGE_URL": f"s3://{BUCKET}/cluster",
        }
        gateway = {"TRM_GATEWAY_HOST": HERE, "TRM_GATEWAY_PORT": str(self.ports["gateway"]), "TRM_AUTH": "off"}
        exposed = {"TRM_AUTH_OFF_EXPOSED": "true", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return clean | joined | self.s3.environment | gateway | exposed | {f"TRM_{k}": v for k, v in SHORT.items()}

    def _serve_postgres(self) -> None:
        data = self.folder / "postgres"
        postgres.initialise(data)
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NET}.0/24 trust\n")
        command = [
            *postgres.server_command(data, self.folder),
            "-c",
            "fsync=off",
            "-c",
            f"port={self.ports['postgres']}",
        ]
        command += ["-c", f"listen_addresses={HERE}"]
        with (self.logs / "postgres.log").open("ab") as log:
            self.processes["postgres"] = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                preexec_fn=_die_with_parent(),
                **postgres.owner(postgres.run_as()),
            )
        url = f"postgresql+psycopg://{postgres.DATABASE_USER}@{HERE}:{self.ports['postgres']}"
        wait_until(lambda: _has_made_database(url), START_SECONDS)
        upgrade(f"{url}/{postgres.DATABASE}")
        self.database = Database(f"{url}/{postgres.DATABASE}")
        witness.install(self.database)

    def _start(self, name: str, command: list[str], **added: str) -> None:
        environment = dict(os.environ) if name == "broker" else self.environment | added
        with (self.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
                env=environment | {"TRM_DATA_DIR": str(self.folder / f"data-{name}")}, preexec_fn=_die_with_parent(),
            )  # fmt: skip

    def _is_ready(self) -> bool:
        try:
            return bool(httpx2.get(f"{self.api}/readyz", timeout=2).json()["status"] == "ready")
        except (httpx2.TransportError, KeyError):
            return False


def _has_made_database(url: str) -> bool:
    """Whether the server, which may still be starting, has made the service's database now."""
    try:
        with psycopg.connect(url.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {postgres.DATABASE}")
    except psycopg.OperationalError:
        time.sleep(0.1)
        return False
    return True


@contextmanager
def cluster() -> Iterator[Cluster]:
    """The service over several hosts, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="trm-hosts-"))
    folder.chmod(0o777)
    made = Cluster(folder)
    try:
        made.open()
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)
