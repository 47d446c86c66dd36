"""Health and metrics."""

import pytest
from fastapi.testclient import TestClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from sqlalchemy import text
from structlog.testing import capture_logs

from services.registry.db.database import Database
from services.registry.jobs import presence
from services.registry.jobs.presence import Presence
from services.registry.jobs.requirements import Capabilities
from services.registry.settings import Settings


def test_ready_when_everything_answers(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "ok"}
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "checks": {"database": "ok", "broker": "ok"}}


def test_degraded_without_a_broker(without_broker: TestClient) -> None:
    response = without_broker.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "degraded", "checks": {"database": "ok", "broker": "broker_unavailable"}}


def test_unavailable_without_a_database(without_database: TestClient) -> None:
    assert without_database.get("/livez").status_code == 200
    response = without_database.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "unavailable")
    assert response.json()["checks"] == {"database": "database_unavailable", "broker": "ok"}


def test_unavailable_with_a_schema_of_another_age(client: TestClient, settings: Settings, database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("DELETE FROM alembic_version"))
    assert client.get("/readyz").json()["checks"]["database"] == "schema_behind"
    with database.transaction() as session:
        session.execute(text("INSERT INTO alembic_version VALUES ('from_the_future')"))
    response = client.get("/readyz")
    assert (response.status_code, response.json()["checks"]["database"]) == (503, "schema_ahead")


def test_requests_are_counted_by_route_not_by_path(client: TestClient) -> None:
    client.get("/v1/jobs/job_one")
    client.get("/v1/jobs/job_two")
    client.get("/v1/runs")
    client.get("/nowhere")
    client.get("/docs")
    client.request("BREW", "/v1/runs")
    text = client.get("/metrics").text
    assert 'trm_http_requests_total{method="GET",route="/v1/jobs/{job_id}",status="404"} 2.0' in text
    assert 'trm_http_requests_total{method="GET",route="/v1/runs",status="200"} 1.0' in text
    assert 'trm_http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in text
    assert 'trm_http_requests_total{method="GET",route="/docs",status="200"} 1.0' in text
    assert 'trm_http_requests_total{method="other",route="/v1/runs",status="405"} 1.0' in text
    assert 'trm_http_request_seconds_count{method="GET",route="/v1/runs"} 1.0' in text
    assert "job_one" not in text


def test_metrics_are_prometheus_text(client: TestClient) -> None:
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert "# TYPE trm_http_requests_total counter" in response.text
    assert 'trm_jobs_submitted_total{kind="solve"} 0.0' in response.text


def test_an_exemplar_of_a_request_is_its_id(client: TestClient) -> None:
    for request_id in ("req_seen", "x" * 128):  # the second is too long to be one
        answer = client.get("/v1/runs", headers={"X-Request-ID": request_id})
        assert answer.headers["X-Request-ID"] == request_id
        response = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        assert response.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        [family] = [
            family
            for family in text_string_to_metric_families(response.text)  # type: ignore[no-untyped-call]
            if family.name == "trm_http_request_seconds"
        ]
        seen = {
            sample.exemplar.labels["request_id"]
            for sample in family.samples
            if sample.exemplar is not None and sample.labels["route"] == "/v1/runs"
        }
        assert seen == {"req_seen"}


@pytest.mark.parametrize("accept", ["application/openmetrics-text; version=new", "text/plain; version=new", "*/*"])
def test_metrics_are_plain_text_for_who_asks_for_nothing_that_there_is(client: TestClient, accept: str) -> None:
    response = client.get("/metrics", headers={"Accept": accept})
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert "trm_jobs_submitted_total" in response.text


def test_prometheus_is_told_of_every_worker(client: TestClient, database: Database) -> None:
    with database.transaction() as session:
        for name in ("b:2", "a:1", "a:1"):
            presence.record(session, Presence(name, "solve", f"10.0.0.{name[-1]}:9100", 2, Capabilities("cpu")))
    answer = client.get("/metrics/targets")
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == [
        {"targets": ["10.0.0.1:9100"], "labels": {"role": "solve", "worker": "a:1"}},
        {"targets": ["10.0.0.2:9100"], "labels": {"role": "solve", "worker": "b:2"}},
    ]
    with database.transaction() as session:
        presence.forget(session, "b:2")
        session.execute(text("UPDATE workers SET seen_at = now() - interval '90 minutes'"))
    assert client.get("/metrics/targets").json() == []
    with database.transaction() as session:
        presence.forget_lost(session)
        assert session.scalar(text("SELECT count(*) FROM workers")) == 1


def test_polls_are_not_logged_unless_something_is_wrong(client: TestClient) -> None:
    job = client.post("/v1/training-jobs", json={"preset": "sudoku-4x4"}).json()
    with capture_logs() as logged:
        client.get(f"/v1/jobs/{job['id']}")
        client.get(f"/v1/runs/{job['run_id']}/metrics")
        client.get("/v1/jobs/job_unknown")
        client.get("/v1/jobs")
    shown = [(line["path"], line["status"]) for line in logged if line["log_level"] == "info"]
    assert shown == [("/v1/jobs/job_unknown", 404), ("/v1/jobs", 200)]
