"""A job that was accepted reaches a worker, whatever becomes of the broker and of the gateway."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx2
import pytest
from celery import Celery
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from services.gateway.backends import Backends
from services.registry.access.visibility import EVERYTHING
from services.registry.db.database import Database
from services.registry.jobs import jobs, queue
from services.registry.metrics.metrics import ReaperMetrics
from services.registry.settings import Settings
from services.registry.states import JobKind
from tests.conftest import wait_until
from tests.gateway.conftest import HERE
from tests.gateway.test_server import announced_url
from workers.reaper import Reaper

BODY = {"preset": "sudoku-6x6"}


@pytest.fixture
def messages(settings: Settings) -> Iterator[Celery]:
    """A way to the broker of this test."""
    app = queue.publisher_app(settings)
    yield app
    app.close()


def received(app: Celery) -> list[str]:
    """The job ids of all messages that wait for a training worker."""
    with app.connection_for_read() as connection:
        inbox = connection.SimpleQueue(queue.QUEUES[JobKind.TRAIN])
        arguments = []
        with suppress(inbox.Empty):
            while True:
                arguments += inbox.get(timeout=0.2).payload[0]
        inbox.close()
    return arguments


def is_published(database: Database, job_id: str) -> bool:
    with database.transaction() as session:
        return jobs.get(session, EVERYTHING, job_id).published_at is not None


def make_round(settings: Settings, database: Database, app: Celery) -> None:
    Reaper(settings, database, app, ReaperMetrics(CollectorRegistry())).make_round()


def test_the_workers_are_told_soon(client: TestClient, database: Database, messages: Celery) -> None:
    job = client.post("/v1/training-jobs", json=BODY).json()
    wait_until(lambda: is_published(database, job["id"]), seconds=5)
    assert received(messages) == [job["id"]]


def test_what_was_accepted_is_told_before_the_gateway_ends(app: FastAPI, database: Database, messages: Celery) -> None:
    with TestClient(app, base_url=HERE) as client:
        accepted = [client.post("/v1/training-jobs", json=BODY).json()["id"] for _ in range(5)]
    assert received(messages) == accepted
    assert all(is_published(database, job_id) for job_id in accepted)


def test_without_a_broker_jobs_are_accepted_and_announced_later(
    without_broker: TestClient, settings: Settings, database: Database, messages: Celery
) -> None:
    response = without_broker.post("/v1/training-jobs", json=BODY)
    assert (response.status_code, response.json()["status"]) == (202, "queued")
    job_id = response.json()["id"]
    backends: Backends = without_broker.app.state.backends  # type: ignore[attr-defined]
    backends.announcer.close()  # it has given up
    assert not is_published(database, job_id)
    make_round(settings, database, messages)
    assert received(messages) == [job_id]
    assert is_published(database, job_id)


@contextmanager
def silent_broker() -> Iterator[str]:
    """A broker that takes connections and never says a word: the announcer hangs between commit and publication."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.mark.slow
def test_a_gateway_that_is_killed_between_commit_and_publication_loses_nothing(
    settings: Settings, database: Database, messages: Celery
) -> None:
    with silent_broker() as url:
        ours = {"DATABASE_URL": settings.database_url or "", "BROKER_URL": url, "DATA_DIR": str(settings.data_dir)}
        environment = os.environ | {f"TRM_{name}": value for name, value in ours.items()} | {"TRM_GATEWAY_PORT": "0"}
        command = [sys.executable, "-m", "services.gateway"]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as gateway:
            url = announced_url(gateway)
            job_id = httpx2.post(f"{url}/v1/training-jobs", json=BODY).raise_for_status().json()["id"]
            gateway.send_signal(signal.SIGKILL)
    assert gateway.wait(10) == -signal.SIGKILL
    assert not is_published(database, job_id)
    assert received(messages) == []
    make_round(settings, database, messages)
    assert received(messages) == [job_id]
