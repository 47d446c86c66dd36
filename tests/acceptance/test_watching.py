"""Every process whose metrics can be watched is listed, by `make status` and for Prometheus, and answers."""

import httpx2
from typer.testing import CliRunner

from services.registry.settings import Settings
from services.stack import logs, state
from services.stack.__main__ import cli
from tests.api import Client

WATCHED = ("worker-train", "worker-solve", "reaper")


def test_status_and_prometheus_are_told_of_every_worker(stack: Settings, client: Client) -> None:
    running = state.read(stack.data_dir)
    assert running is not None
    assert set(WATCHED) <= set(running.metrics)
    shown = CliRunner().invoke(cli, ["status"], env={"COLUMNS": "200"}).output
    assert [name for name in running.metrics if running.metrics[name] not in shown] == []

    targets = {target for entry in httpx2.get(f"{running.api}/metrics/targets").json() for target in entry["targets"]}
    ports = {running.metrics[name].rpartition(":")[2].split("/")[0] for name in WATCHED}
    assert {target.rpartition(":")[2] for target in targets} >= ports
    for name in WATCHED:
        assert "# TYPE" in httpx2.get(running.metrics[name]).text


def test_the_workers_say_no_more_than_they_have_to(stack: Settings, client: Client) -> None:
    client.get("/v1/jobs")
    for name in ("worker-train", "worker-solve"):
        said = logs.file_of(stack.data_dir, name).read_text()
        assert "worker.started" in said
        for noise in ("celery@", "[config]", "superuser privileges", "RuntimeWarning"):
            assert noise not in said
