"""Every query of the boards and the rules has an answer: a real Prometheus reads the stack while jobs of every kind are worked on.

`make test-slow` unpacks Prometheus; without one the tests are skipped, and tests/contract/test_monitoring.py still parses every query.
"""

import math
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg.rows import dict_row

from services.registry.db.reader import READER
from services.registry.settings import Settings
from services.stack import postgres, state
from services.stack.logs import file_of
from services.stack.sockets import socket_folder
from tests.acceptance.conftest import submit_training
from tests.api import Client, Json
from tests.conftest import wait_until
from tests.dashboards import TARGETS, VARIABLES, expand
from tests.prometheus import CONFIG, Prometheus, require_binary, running_prometheus

pytestmark = pytest.mark.slow
PATIENCE = 120.0  # seconds, for a machine that others use too
SOLVES = 20  # at least
REQUEST = "req_watched"
PUZZLE = ".2.43......31..."
WINDOW = "5s"  # what $__rate_interval is: Grafana takes four times the interval of reading, at least
PROMQL = [(panel, one["expr"]) for panel, one in TARGETS if "expr" in one]
SQL = [(panel, one["rawSql"]) for panel, one in TARGETS if "rawSql" in one]
ALERTS = [rule for group in yaml.safe_load((CONFIG / "rules.yml").read_text())["groups"] for rule in group["rules"]]
HIGHEST = {
    "percentunit": 1.0,
    "s": 3_600.0,
    "bytes": 2.0**50,
    "Bps": 1e9,
}  # by unit; a machine of the tests is no larger
MOST = 1e6  # of what has another unit: jobs, steps, requests a second
LOWEST = {"How much room is left for artifacts?": -(2.0**50)}  # below its floor where the disk is full
Row = dict[str, Any]


@dataclass(frozen=True)
class Watched:
    """A stack that has worked while Prometheus read it."""

    prometheus: Prometheus
    until: float  # Unix time
    reader: "psycopg.Connection[Row]"
    chosen: dict[str, list[str]]  # by variable of the boards


@pytest.fixture(scope="module")
def watched(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    running = state.read(stack.data_dir)
    assert running is not None
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        running_prometheus(require_binary("prometheus"), running.api, folder) as prometheus,
        Client(running.api) as client,
        psycopg.connect(
            host=str(socket_folder(stack.data_dir)), user=READER, dbname=postgres.DATABASE, row_factory=dict_row
        ) as reader,
    ):
        reader.autocommit = True
        alive = {url.split("/")[2] for url in running.metrics.values()}
        wait_until(lambda: all(prometheus.targets().get(address) == "up" for address in alive))
        _work(client, prometheus)
        time.sleep(2)  # one more reading of everything
        chosen: dict[str, list[str]] = {}
        for name, variable in VARIABLES.items():
            query = expand(variable["query"], prometheus.since, time.time(), {})
            chosen[name] = [row["__value"] for row in reader.execute(query.encode())]
        yield Watched(prometheus, time.time(), reader, chosen)


def _work(client: Client, prometheus: Prometheus) -> None:
    """A training, and beside it solve jobs, one that takes too long, an evaluation, and requests that are refused."""
    training, begun = submit_training(client, 100_000), time.monotonic()
    run = {"model": training["run_id"]}
    wait_until(lambda: client.get(f"/v1/runs/{training['run_id']}/checkpoints")["data"] != [], PATIENCE)
    endless = {"puzzles": [PUZZLE] * 64, "max_steps": 1024, "timeout_seconds": 1}
    *_, late = client.poll(client.post("/v1/solve-jobs", run | endless))
    assert late["error"]["code"] == "job_timed_out"
    solves = 0
    while (solves := solves + 1) <= SOLVES or not _is_seen(prometheus):
        assert time.monotonic() - begun < PATIENCE
        body = run | {"puzzles": [PUZZLE] * 3}
        client.wait_until_finished(client.post("/v1/solve-jobs", body, **{"X-Request-ID": REQUEST}), every=0.1)
        assert client.http.post("/v1/solve-jobs", json={"model": "nothing", "puzzle": PUZZLE}).is_client_error
    client.wait_until_finished(client.post("/v1/evaluation-jobs", run | {"limit": 20}))
    client.post(f"/v1/jobs/{training['id']}/cancel", {})
    *_, training = client.poll(training)
    assert training["status"] == "cancelled"


def _is_seen(prometheus: Prometheus) -> bool:
    """Whether Prometheus has read what only a training in progress has."""
    gauges = (
        "trm_train_loss",
        "trm_train_exact_accuracy",
        "trm_train_mean_supervision_steps",
        "trm_train_progress_ratio",
    )
    return all(any(math.isfinite(value) for _, value in prometheus.now(gauge)) for gauge in gauges)


def titled(value: Any) -> str:  # noqa: ANN401 - pytest names every argument by it
    return value["title"] if isinstance(value, dict) else ""


def sensible(panel: Json, values: Sequence[float], unit: str | None = None) -> bool:
    """Whether numbers are finite, and within what the unit of a panel allows."""
    unit = unit or panel["fieldConfig"]["defaults"].get("unit", "none")
    lowest, highest = LOWEST.get(panel["title"], 0.0), HIGHEST.get(unit, MOST)
    return all(math.isfinite(value) and lowest <= value <= highest + 1e-9 for value in values)


@pytest.mark.parametrize(("panel", "expression"), PROMQL, ids=titled)
def test_every_panel_of_prometheus_shows_sensible_values(panel: Json, expression: str, watched: Watched) -> None:
    found = watched.prometheus.over_time(expression, WINDOW)
    values = [value for _, numbers in found for value in numbers]
    assert values, f"{expression}: {found}"
    assert sensible(panel, values), f"{expression}: {min(values)} to {max(values)}"
    print(f"{panel['title']} | {len(found)} series | {min(values):.4g} to {max(values):.4g}")


@pytest.mark.parametrize(("panel", "query"), SQL, ids=titled)
def test_every_panel_of_postgres_shows_sensible_values(panel: Json, query: str, watched: Watched) -> None:
    asked = expand(query, watched.prometheus.since, watched.until, watched.chosen)
    rows = watched.reader.execute(asked.encode()).fetchall()
    assert rows, asked
    units = _units(panel)
    for row in rows:
        for column, value in row.items():
            if isinstance(value, int | float) and column != "time":
                assert sensible(panel, [float(value)], units.get(column)), row
    if panel["type"] == "timeseries":
        assert all(set(row) == {"time", "metric", "value"} and row["metric"] for row in rows)
        moments = [row["time"] for row in rows]
        seconds = [one.timestamp() if isinstance(one, datetime) else float(one) for one in moments]
        assert all(watched.prometheus.since - 1 <= one <= watched.until for one in seconds)
    print(f"{panel['title']} | {len(rows)} rows | {rows[0]}")


def _units(panel: Json) -> dict[str, str]:
    """The units that columns of a table have of their own."""
    return {
        override["matcher"]["options"]: wanted["value"]
        for override in panel["fieldConfig"]["overrides"]
        for wanted in override["properties"]
        if wanted["id"] == "unit"
    }


def test_variables_list_what_there_is(watched: Watched) -> None:
    assert all(value.startswith("run_") for value in watched.chosen["run"])
    assert any(value.startswith("ckpt_") for value in watched.chosen["model"])


def measured(expression: str) -> str:
    """What an alert compares with its limit."""
    without = re.sub(r"^absent\(.*?\) or ", "", expression)
    left = re.sub(r" (>|<|==) [\d.]+$", "", without)
    assert left != without, expression
    return left


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_rule_measures_something(alert: Json, watched: Watched) -> None:
    found = watched.prometheus.now(measured(alert["expr"]))
    values = [value for _, value in found if math.isfinite(value)]
    assert values, found
    assert all(abs(value) <= 2.0**50 for value in values)
    print(f"{alert['alert']} | {measured(alert['expr'])} | {values}")


def test_every_rule_is_evaluated_without_an_error(watched: Watched) -> None:
    rules = [rule for group in watched.prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert [rule["name"] for rule in rules] == [alert["alert"] for alert in ALERTS]
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []


def test_an_exemplar_leads_to_the_log_line_and_to_the_job(watched: Watched, stack: Settings) -> None:
    def exemplars(metric: str) -> list[Json]:
        since = watched.prometheus.since
        found = watched.prometheus.ask("query_exemplars", query=metric, start=since, end=watched.until)
        return [one | {"series": series["seriesLabels"]} for series in found for one in series["exemplars"]]

    requests = [
        one for one in exemplars("trm_http_request_seconds_bucket") if one["series"]["route"] == "/v1/solve-jobs"
    ]
    assert REQUEST in {one["labels"]["request_id"] for one in requests}
    assert REQUEST in file_of(stack.data_dir, "gateway").read_text()
    host = str(socket_folder(stack.data_dir))
    with psycopg.connect(host=host, user=postgres.DATABASE_USER, dbname=postgres.DATABASE, autocommit=True) as owner:
        recorded = "SELECT count(*) FROM audit_log a JOIN jobs j ON j.id = a.object WHERE a.request_id = %s"
        wait_until(lambda: owner.execute(recorded, (REQUEST,)).fetchone() != (0,))
    jobs = {one["labels"]["job_id"] for one in exemplars("trm_job_run_seconds_bucket")}
    kept = {row["id"] for row in watched.reader.execute(b"SELECT id FROM jobs")}
    assert jobs
    assert jobs <= kept
    logs = "".join(file_of(stack.data_dir, part).read_text() for part in ("worker-train", "worker-solve"))
    assert all(job in logs for job in jobs)


def test_the_metrics_count_what_the_database_has(watched: Watched) -> None:
    ended = b"SELECT kind, status, count(*) AS n FROM jobs WHERE finished_at IS NOT NULL GROUP BY 1, 2"

    def agree() -> bool:
        counted = {
            (labels["kind"], labels["outcome"]): value
            for labels, value in watched.prometheus.now("trm_jobs_finished_total")
        }
        rows = watched.reader.execute(ended).fetchall()
        return rows != [] and all(counted[row["kind"], row["status"]] >= row["n"] for row in rows)

    wait_until(agree)


def test_the_role_is_the_one_that_cannot_write(watched: Watched) -> None:
    assert watched.reader.execute(b"SELECT current_user AS name").fetchone() == {"name": READER}
    for statement in (b"DELETE FROM jobs", b"SELECT secret FROM webhook_endpoints", b"SELECT * FROM api_keys"):
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
            watched.reader.execute(statement)


def test_prometheus_reads_the_rules_that_compose_mounts(tmp_path: Path) -> None:
    """The rules' own test, by promtool."""
    promtool = require_binary("promtool")
    for *command, file in (("test", "rules", "rules.test.yml"), ("check", "config", "prometheus.yml")):
        done = subprocess.run([promtool, *command, CONFIG / file], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
