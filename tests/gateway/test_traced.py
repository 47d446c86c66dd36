"""A request whose trace is recorded: what was logged, counted, stored and traced of it shares its ids."""

import structlog
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from services.registry.logging import add_trace
from tests.prometheus import read_exemplars

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
PUZZLE = "...4....2....4.3"


def exemplars(client: TestClient, metric: str) -> list[dict[str, str]]:
    text = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}).text
    return read_exemplars(text, metric)


def test_a_log_line_an_exemplar_a_job_and_a_trace_share_their_ids(
    exported: InMemorySpanExporter, client: TestClient, model: str
) -> None:
    with capture_logs([structlog.contextvars.merge_contextvars, add_trace]) as lines:
        answer = client.post(
            "/v1/solve-jobs", json={"model": model, "puzzle": PUZZLE}, headers={"traceparent": TRACEPARENT}
        )
    assert answer.status_code == 202
    request_id = answer.headers["X-Request-ID"]
    ids = {"trace_id": TRACE, "request_id": request_id}
    assert answer.json()["trace_id"] == TRACE
    assert ids in exemplars(client, "trm_http_request_seconds_bucket")
    [served] = [line for line in lines if line["event"] == "request.served"]
    assert {name: served[name] for name in ids} == ids
    [span] = [span for span in exported.get_finished_spans() if span.name == "POST /v1/solve-jobs"]
    assert span.attributes is not None
    assert span.attributes["trm.request.id"] == request_id
    assert format(span.context.trace_id, "032x") == TRACE
