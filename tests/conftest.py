"""Real servers for every test that needs one: a Postgres and a broker of this session's own, on unix sockets."""

import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import redis
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from xdist.remote import Producer

from migrations.upgrade import upgrade
from services.registry.db.database import Database
from services.registry.settings import Settings
from services.stack import broker, postgres
from tests import databases
from tests.databases import EmptyDatabase
from tests.s3 import S3Server
from tests.scheduling import Together

START_SECONDS = 30
TEMPLATE = "template_trm"
# a test's database is made and dropped in a quarter of the time when nothing has to outlive the machine and few buffers are searched
HASTY = (
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "wal_level=minimal", "max_wal_senders=0",
    "checkpoint_timeout=1h", "max_wal_size=4GB", "shared_buffers=16MB",
)  # fmt: skip
SERVED = {"server_folder", "stack", "stand", "s3_server"}  # fixtures that start servers
TRAINED = {"learned", "splits", "trainer"}  # fixtures that train, or are trained with
_numbers = count()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs servers or trains."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        for marker, needed in ((pytest.mark.servers, SERVED), (pytest.mark.training, TRAINED)):
            if fixtures & needed:
                item.add_marker(marker)


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of all later garbage collections: walking half a million objects over and over
    took 7 % of the time of the tests."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    """Keep together what shares fixtures when several processes test."""
    return Together(config, log)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Undo what commands that run in this process ask of torch: tiny models lose time with more threads than one."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def wait_until(condition: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    """Poll until true; fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "gave up waiting"
        time.sleep(0.02)


def free_port(host: str) -> int:
    """A port that no process listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@pytest.fixture(autouse=True, scope="session")
def _own_environment() -> Iterator[None]:
    """No setting of the caller's leaks into a test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("TRM_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A short path that the server's user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="trm-test-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_sockets(server_folder: Path) -> Iterator[Path]:
    """A running Postgres; the value is the folder of its socket."""
    data = server_folder / "postgres"
    postgres.initialise(data)
    command = [*postgres.server_command(data, server_folder), *(f"--{setting}" for setting in HASTY)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd="/", **postgres.owner(postgres.run_as()))
    try:
        wait_until(lambda: postgres.answers(server_folder))
        yield server_folder
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(START_SECONDS)


@pytest.fixture(scope="session")
def _template(postgres_sockets: Path) -> str:
    postgres.create_database(postgres_sockets, TEMPLATE)
    upgrade(postgres.url(postgres_sockets, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def empty_database_url(postgres_sockets: Path) -> Iterator[str]:
    """A database without any table."""
    name = f"test_{next(_numbers)}"
    databases.create(postgres_sockets, name, "template0")
    yield postgres.url(postgres_sockets, name)
    databases.drop(postgres_sockets, name)


@pytest.fixture(scope="session")
def _reused(postgres_sockets: Path, _template: str) -> EmptyDatabase:
    return EmptyDatabase(postgres_sockets, "test", _template)


@pytest.fixture
def database_url(_reused: EmptyDatabase) -> Iterator[str]:
    """A database of this test's own, at the newest schema."""
    with _reused.lend() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The test's database, open."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shared_database_url(postgres_sockets: Path, _template: str) -> Iterator[str]:
    """A database for all tests of a file, at the newest schema: for tests that mind nothing that is in it."""
    name = f"shared_{next(_numbers)}"
    databases.create(postgres_sockets, name, _template)
    yield postgres.url(postgres_sockets, name)
    databases.drop(postgres_sockets, name)


@pytest.fixture(scope="session")
def broker_sockets(server_folder: Path) -> Iterator[Path]:
    """A running broker; the value is the folder of its socket."""
    data = server_folder / "broker"
    data.mkdir()
    server = subprocess.Popen(broker.server_command(data, server_folder), stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: broker.answers(server_folder))
        yield server_folder
    finally:
        server.terminate()
        server.wait(START_SECONDS)


@pytest.fixture
def broker_url(broker_sockets: Path) -> str:
    """The broker, empty."""
    with redis.Redis(unix_socket_path=str(broker_sockets / broker.SOCKET)) as client:
        client.flushall()
    return broker.url(broker_sockets)


@pytest.fixture
def settings(database_url: str, broker_url: str, tmp_path: Path) -> Settings:
    """A deployment of this test's own."""
    return Settings(
        database_url=database_url, broker_url=broker_url, data_dir=tmp_path, gateway_port=0, worker_metrics_port=0
    )


@pytest.fixture(scope="session")
def s3_server(server_folder: Path) -> Iterator[S3Server]:
    """A running S3 server."""
    server = S3Server(server_folder / "s3")
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def s3_url(s3_server: S3Server) -> Iterator[str]:
    """A storage URL of this test's own on the server, which this process's environment names."""
    with s3_server.reached() as url:
        yield url


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What a traced process exports."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()
