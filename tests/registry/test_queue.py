"""What is sent, with which settings, and what happens without a broker."""

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from celery import Celery
from kombu import pools

from services.registry.errors import BrokerUnavailable, SettingMissing
from services.registry.jobs import queue
from services.registry.settings import Settings
from services.registry.states import JobKind
from services.stack import broker
from tests.conftest import wait_until


@pytest.fixture
def publisher(settings: Settings) -> Iterator[Celery]:
    app = queue.publisher_app(settings)
    yield app
    _close(app)


def _close(app: Celery) -> None:
    pools.reset()  # type: ignore[no-untyped-call]
    app.close()


def test_celery_is_set_up_to_be_harmless(settings: Settings) -> None:
    conf = queue.celery_app(settings).conf
    expected = {
        "task_acks_late": False,
        "task_ignore_result": True,
        "result_backend": None,
        "task_serializer": "json",
        "accept_content": ["json"],
        "worker_disable_prefetch": True,
        "worker_prefetch_multiplier": 1,
        "worker_pool_start_method": "spawn",
        "worker_proc_alive_timeout": 120,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 25,
            "global_keyprefix": "trm:",
        },
    }
    assert {name: conf[name] for name in expected} == expected


def test_queues_and_tasks_are_what_workers_listen_to() -> None:
    assert queue.QUEUES == {JobKind.TRAIN: "train", JobKind.SOLVE: "solve"}
    assert queue.TASKS == {JobKind.TRAIN: "trm.train", JobKind.SOLVE: "trm.solve"}


@pytest.mark.parametrize("kind", list(JobKind))
def test_message_carries_the_id_and_nothing_else(publisher: Celery, kind: JobKind) -> None:
    with publisher.connection_for_read() as connection, connection.channel() as channel:
        inbox = connection.SimpleQueue(queue.QUEUES[kind], channel=channel)
        inbox.clear()
        queue.publish_all(publisher, [queue.Announcement("job_1", kind)])
        message = inbox.get(timeout=5)
        message.ack()
        assert message.headers["task"] == queue.TASKS[kind]
        assert json.loads(message.body)[:2] == [["job_1"], {}]
        with pytest.raises(inbox.Empty):
            inbox.get_nowait()
        inbox.close()


def test_broker_that_answers(publisher: Celery) -> None:
    queue.ping_broker(publisher)


def _ping(app: Celery) -> None:
    queue.ping_broker(app)


def _publish(app: Celery) -> None:
    queue.publish_all(app, [queue.Announcement("job_1", JobKind.SOLVE)])


def _count(app: Celery) -> None:
    queue.messages_waiting(app, JobKind.SOLVE)


@pytest.mark.parametrize("act", [_ping, _publish])
@pytest.mark.parametrize(
    "url", ["redis+socket://{folder}/none.sock", "unix://{folder}/none.sock", "redis://127.0.0.1:1/0"]
)
def test_absent_broker_is_noticed_within_a_second(tmp_path: Path, url: str, act: Callable[[Celery], None]) -> None:
    app = queue.publisher_app(Settings(broker_url=url.format(folder=tmp_path), data_dir=tmp_path))
    with suppress(BrokerUnavailable):
        act(app)  # the first call imports the transport, which takes its time on a loaded machine
    started = time.monotonic()
    with pytest.raises(BrokerUnavailable):
        act(app)
    assert time.monotonic() - started < 1
    _close(app)


@pytest.mark.parametrize("act", [_ping, _publish])
def test_silent_broker_is_given_up_soon(tmp_path: Path, act: Callable[[Celery], None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        app = queue.publisher_app(Settings(broker_url=url, data_dir=tmp_path))
        started = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            act(app)
        assert time.monotonic() - started < 5
        _close(app)


@pytest.mark.parametrize("act", [_ping, _publish, _count])
def test_a_broker_that_dies_while_it_is_connected_is_away(
    server_folder: Path, tmp_path: Path, act: Callable[[Celery], None]
) -> None:
    folder = server_folder / "dies"
    folder.mkdir(exist_ok=True)
    server = subprocess.Popen(broker.server_command(tmp_path, folder), stdout=subprocess.DEVNULL)
    app = queue.publisher_app(Settings(broker_url=broker.url(folder), data_dir=tmp_path))
    try:
        wait_until(lambda: broker.answers(folder))
        act(app)
    finally:
        server.kill()
        server.wait()
    with pytest.raises(BrokerUnavailable):
        act(app)
    _close(app)


def test_broker_must_be_set(tmp_path: Path) -> None:
    with pytest.raises(SettingMissing, match="TRM_BROKER_URL"):
        queue.celery_app(Settings(data_dir=tmp_path))
