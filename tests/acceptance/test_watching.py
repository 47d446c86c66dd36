"""Every process whose metrics can be watched is listed, by `make status` and for Prometheus, and answers."""

import time

import httpx2
from typer.testing import CliRunner

from services.registry.settings import Settings
from services.stack import logs, state
from services.stack.__main__ import cli
from tests.api import Client
from tests.conftest import wait_until

WATCHED = ("worker-train", "worker-solve", "reaper")


def watched_ports(api: str) -> set[str]:
    found = httpx2.get(f"{api}/metrics/targets").json()
    return {target.rpartition(":")[2] for entry in found for target in entry["targets"]}


def test_status_and_prometheus_are_told_of_every_worker(stack: Settings, client: Client) -> None:
    running = state.read(stack.data_dir)
    assert running is not None
    assert set(WATCHED) <= set(running.metrics)
    shown = CliRunner().invoke(cli, ["status"], env={"COLUMNS": "200"}).output
    assert [name for name in running.metrics if running.metrics[name] not in shown] == []

    ports = {running.metrics[name].rpartition(":")[2].split("/")[0] for name in WATCHED}
    wait_until(lambda: watched_ports(running.api) >= ports)  # a worker says that it is there once it has started
    for name in WATCHED:
        wait_until(lambda name=name: "# TYPE" in httpx2.get(running.metrics[name]).text)  # type: ignore[misc]


def test_the_workers_say_no_more_than_they_have_to(stack: Settings, client: Client) -> None:
    client.get("/v1/jobs")
    for name in ("worker-train", "worker-solve"):
        file = logs.file_of(stack.data_dir, name)
        wait_until(lambda file=file: "worker.started" in file.read_text())  # type: ignore[misc]
        time.sleep(1)  # a banner would come next
        said = file.read_text()
        for noise in ("celery@", "[config]", "superuser privileges", "RuntimeWarning"):
            assert noise not in said
