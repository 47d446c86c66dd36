"""Spans: of statements only where something is traced, of a shared commit, and none where tracing is not possible."""

import os
import subprocess
import sys
import time

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from services.registry.db.database import Database
from services.registry.metrics.instruments import exemplar
from services.registry.tracing import export, spans, statements


def names(exporter: InMemorySpanExporter) -> list[str]:
    return [span.name for span in exporter.get_finished_spans()]


def test_statements_have_spans_below_one_that_is_recorded_and_nowhere_else(
    database: Database, exported: InMemorySpanExporter
) -> None:
    with database.transaction() as session:
        session.execute(text("SELECT 1"))
    assert names(exported) == []
    with spans.tracer().start_as_current_span("outer") as outer, database.transaction() as session:
        session.execute(text("SELECT :secret"), {"secret": "told to no one"})
        with spans.untraced():
            session.execute(text("SELECT 2"))
    statement, _ = exported.get_finished_spans()
    assert names(exported) == ["SELECT", "outer"]
    assert statement.parent is not None
    assert statement.parent.span_id == outer.get_span_context().span_id
    assert "told to no one" not in str(statement.attributes)


def test_a_statement_that_fails_is_an_error(database: Database, exported: InMemorySpanExporter) -> None:
    outer = spans.tracer().start_as_current_span("outer")
    with pytest.raises(ProgrammingError), outer, database.transaction() as session:
        session.execute(text("SELECT * FROM nowhere"))
    failed = exported.get_finished_spans()[0]
    assert (failed.name, failed.status.is_ok) == ("SELECT", False)
    assert failed.attributes is not None
    assert failed.attributes["error.type"] == "UndefinedTable"


def test_a_loop_does_not_fill_a_trace(database: Database, exported: InMemorySpanExporter) -> None:
    with spans.tracer().start_as_current_span("outer"), database.transaction() as session:
        for _ in range(statements.MOST + 10):
            session.execute(text("SELECT 1"))
    assert names(exported).count("SELECT") == statements.MOST
    outer = exported.get_finished_spans()[-1]
    assert outer.attributes is not None
    assert outer.attributes["trm.statements_left_out"] is True


def test_a_shared_commit_belongs_to_the_first_and_is_linked_to_the_others(exported: InMemorySpanExporter) -> None:
    waiting = [spans.tracer().start_span(f"request {number}").get_span_context() for number in range(3)]
    with spans.shared_span("commit", [trace.INVALID_SPAN_CONTEXT, *waiting]):
        pass
    [commit] = exported.get_finished_spans()
    assert commit.parent is not None
    assert commit.parent.span_id == waiting[0].span_id
    assert [link.context.span_id for link in commit.links] == [other.span_id for other in waiting[1:]]


def test_nothing_is_exported_without_a_collector_or_without_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*export.ENDPOINTS, "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    before = trace.get_tracer_provider()
    assert not export.configure_tracing("gateway")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    with monkeypatch.context() as off:
        off.setenv("OTEL_SDK_DISABLED", "true")
        assert not export.configure_tracing("gateway")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    assert not export.configure_tracing("gateway")  # a warning, and no failure
    assert trace.get_tracer_provider() is before
    assert spans.current_traceparent() is None


def test_a_collector_that_is_down_keeps_no_process_from_ending() -> None:
    code = """
from services.registry.tracing import export, spans
assert export.configure_tracing("gateway")
for _ in range(2_000):
    spans.tracer().start_span("a").end()
"""
    environment = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
    assert (
        time.monotonic() - begun < 3 * export.EXIT_MILLISECONDS / 1000
    )  # 30 s, if every batch were tried until its timeout


def test_an_exemplar_has_its_trace_and_what_does_not_fit_is_left_out(exported: InMemorySpanExporter) -> None:
    assert exemplar(request_id="req_1") == {"request_id": "req_1"}
    assert exemplar(request_id="x" * 128) is None
    with spans.tracer().start_as_current_span("request") as span:
        traced = {"trace_id": trace.format_trace_id(span.get_span_context().trace_id)}
        assert exemplar(request_id="req_1") == traced | {"request_id": "req_1"}
        assert exemplar(request_id="x" * 128) == traced
    assert names(exported) == ["request"]
