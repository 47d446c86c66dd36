"""One request as one trace, from the gateway through every attempt at its job, received by a real collector."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from services.registry.settings import Settings
from services.stack import state
from tests.acceptance.conftest import INTERRUPTIBLE, submit_training
from tests.acceptance.test_main_job import pid_of, wait_for
from tests.api import Client, Json
from tests.collector import CollectedSpan, Collector
from tests.conftest import wait_until
from tests.prometheus import read_exemplars

CALLER = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")  # the example of the W3C recommendation
TRACEPARENT = f"00-{CALLER[0]}-{CALLER[1]}-01"


def trace_of(collector: Collector, trace_id: str, *names: str) -> list[CollectedSpan]:
    """The spans of a trace once those of these names have come, each from a process of its own."""
    wait_until(lambda: {*names} <= {span.name for span in collector.in_trace(trace_id)})
    return collector.in_trace(trace_id)


def named(spans: list[CollectedSpan], name: str) -> list[CollectedSpan]:
    return [span for span in spans if span.name == name]


@pytest.fixture(scope="module")
def killed(stack: Settings, collector: Collector) -> tuple[Json, list[CollectedSpan]]:
    """A training whose worker was killed with SIGKILL, submitted within a caller's trace; its job and all its spans."""
    from services.stack import operator

    running, _ = operator.up(stack, lambda _: None)
    with Client(running.api) as client:
        client.http.headers["traceparent"] = TRACEPARENT
        job = submit_training(client, INTERRUPTIBLE)
        del client.http.headers["traceparent"]
        wait_for(job, client, lambda _: len(client.get(f"/v1/runs/{job['run_id']}/checkpoints")["data"]) >= 1)
        wait_until(lambda: bool(named(collector.in_trace(CALLER[0]), "load trainer")))
        os.kill(pid_of(stack, "worker-train"), signal.SIGKILL)
        job = client.wait_until_finished(job)
    wait_until(lambda: len(named(collector.in_trace(CALLER[0]), "train attempt")) == 2)
    return job, collector.in_trace(CALLER[0])


@pytest.mark.slow
def test_a_request_is_part_of_its_callers_trace(killed: tuple[Json, list[CollectedSpan]]) -> None:
    job, spans = killed
    [request] = named(spans, "POST /v1/training-jobs")
    assert (request.parent_id, request.service, request.kind) == (CALLER[1], "trm-gateway", "server")
    assert request.attributes["http.response.status_code"] == 202
    assert job["trace_id"] == CALLER[0]
    [recorded] = named(spans, "record job")
    assert recorded.parent_id == request.span_id
    assert recorded.attributes["trm.job.id"] == job["id"]
    [commit] = named(spans, "commit jobs")
    assert commit.parent_id == recorded.span_id
    inserts = [span for span in named(spans, "INSERT") if span.parent_id == commit.span_id]
    assert any("INTO jobs" in span.attributes["db.query.text"] for span in inserts)
    assert all(span.kind == "client" and span.attributes["db.system.name"] == "postgresql" for span in inserts)


@pytest.mark.slow
def test_every_attempt_is_linked_to_the_request_even_one_whose_worker_was_killed(
    killed: tuple[Json, list[CollectedSpan]],
) -> None:
    job, spans = killed
    [request] = named(spans, "POST /v1/training-jobs")
    first, second = named(spans, "train attempt")
    for number, attempt in enumerate((first, second), 1):
        assert attempt.links == ((CALLER[0], request.span_id),)
        assert (attempt.parent_id, attempt.kind) == (request.span_id, "consumer")
        assert (attempt.attributes["trm.job.id"], attempt.attributes["trm.attempt"]) == (job["id"], number)
        assert attempt.attributes["trm.outcome"] == job["attempts"][number - 1]["outcome"]
    assert (first.service, first.is_error, first.attributes["error.type"]) == ("trm-reaper", True, "worker_lost")
    assert (second.service, second.is_error) == ("trm-worker-train", False)
    assert request.start < first.start < first.end <= second.start < second.end
    [load, _] = named(spans, "load trainer")
    assert load.parent_id == first.span_id  # which the killed worker reported, and the reaper's span is its parent


@pytest.mark.slow
def test_the_trainer_has_spans_for_its_phases(killed: tuple[Json, list[CollectedSpan]]) -> None:
    _, spans = killed
    second = named(spans, "train attempt")[1]
    below = [span for span in spans if span.parent_id == second.span_id]
    for name in ("load trainer", "first update", "updates", "evaluate", "write checkpoint", "store checkpoint"):
        assert named(below, name), name
    load, first_update, updates = (named(below, name)[0] for name in ("load trainer", "first update", "updates"))
    assert load.start < load.end <= first_update.start < first_update.end <= updates.start < updates.end <= second.end
    assert named(below, "updates")[-1].attributes["trm.step"] == INTERRUPTIBLE
    assert {span.attributes["trm.split"] for span in named(below, "evaluate")} == {"validation", "test"}
    assert len(named(below, "updates")) < 10  # not one for each of 600 updates
    assert len([span for span in below if span.kind == "client"]) < 40  # nor any of the heartbeats' statements


@pytest.mark.slow
def test_log_lines_name_the_trace(killed: tuple[Json, list[CollectedSpan]], data_dir: Path) -> None:
    job, spans = killed
    second = named(spans, "train attempt")[1]
    for part, event, span_id in (
        ("gateway", "request.served", named(spans, "POST /v1/training-jobs")[0].span_id),
        ("worker-train", "attempt.ended", second.span_id),
    ):
        lines = [line for line in (data_dir / "logs" / f"{part}.log").read_text().splitlines() if CALLER[0] in line]
        assert any(event in line and f"span_id={span_id}" in line for line in lines), (part, lines)
    assert job["trace_id"] == CALLER[0]


def test_a_solve_job_is_one_trace(client: Client, collector: Collector) -> None:
    body = {"model": "sudoku-6x6", "puzzle": "4...366.....3.524121.56...3..4546..."}
    job = client.post("/v1/solve-jobs", body, Prefer="wait=30")
    assert job["status"] == "succeeded"
    spans = trace_of(collector, job["trace_id"], "solve attempt", "POST /v1/solve-jobs")
    [request] = named(spans, "POST /v1/solve-jobs")
    [attempt] = named(spans, "solve attempt")
    assert (attempt.service, attempt.links) == ("trm-worker-solve", ((request.trace_id, request.span_id),))
    waiting = [span for span in spans if span.kind == "client" and span.parent_id == request.span_id]
    assert len(waiting) <= 64  # however long it waits


def exemplars(url: str, metric: str) -> list[dict[str, str]]:
    """What the observations of a histogram were about, as Prometheus reads them."""
    text = httpx2.get(url, headers={"Accept": "application/openmetrics-text"}).text
    return read_exemplars(text, metric)


def test_a_log_line_an_exemplar_a_job_and_a_trace_share_their_ids(
    client: Client, collector: Collector, data_dir: Path
) -> None:
    body = {"model": "sudoku-6x6", "puzzle": "4...366.....3.524121.56...3..4546..."}
    answer = client.http.post("/v1/solve-jobs", json=body, headers={"Prefer": "wait=30"})
    job, request_id = answer.json(), answer.headers["X-Request-ID"]
    assert job["status"] == "succeeded"
    trace_id = job["trace_id"]
    spans = trace_of(collector, trace_id, "solve attempt", "POST /v1/solve-jobs")
    assert named(spans, "POST /v1/solve-jobs")[0].attributes["trm.request.id"] == request_id
    assert named(spans, "solve attempt")[0].attributes["trm.job.id"] == job["id"]
    about = {"trace_id": trace_id, "request_id": request_id}
    assert about in exemplars(f"{client.api}/metrics", "trm_http_request_seconds_bucket")
    running = state.read(data_dir)
    assert running is not None
    for metric in ("trm_job_queue_wait_seconds_bucket", "trm_job_run_seconds_bucket"):
        assert {"trace_id": trace_id, "job_id": job["id"]} in exemplars(running.metrics["worker-solve"], metric)
    for part, ids in (("gateway", (request_id, trace_id)), ("worker-solve", (job["id"], trace_id))):
        lines = (data_dir / "logs" / f"{part}.log").read_text().splitlines()
        assert any(all(one in line for one in ids) for line in lines), part


def test_what_machines_ask_for_has_no_span(client: Client, collector: Collector) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        assert client.http.get(path).is_success
    marker = client.http.get("/v1/presets", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    assert marker.is_success
    trace_of(collector, "a" * 32, "GET /v1/presets")
    assert not {"GET /livez", "GET /readyz", "GET /metrics"} & {span.name for span in collector.spans}


@pytest.mark.slow
def test_trm_knows_no_tracing_and_an_untraced_gateway_loads_no_exporter() -> None:
    code = """
import json, sys
import trm.cli, trm.training.session
loaded = [name for name in sys.modules if name.startswith("opentelemetry")]
from services.registry.tracing.export import configure_tracing
from services.gateway.app import create_app
print(json.dumps([loaded, configure_tracing("gateway"), "opentelemetry.exporter.otlp.proto.http" in sys.modules]))
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    answered = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(answered.stdout) == [[], False, False]
