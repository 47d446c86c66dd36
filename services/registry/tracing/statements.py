"""Spans of SQL statements, below a span that is recorded and nowhere else.

OpenTelemetry's own instrumentation for SQLAlchemy is for versions before 2.1; these are the attributes that its conventions name.
"""

from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import ExceptionContext

from services.registry.tracing.spans import tracer

MOST = 64  # statements of one span: a loop that asks until a job has ended must not fill a trace
LONGEST_TEXT = 2_000  # characters of a statement; its values are parameters, which are not told
SPAN = "trm.span"  # in a connection's notes
_counts: WeakKeyDictionary[Span, int] = WeakKeyDictionary()


def trace_statements(engine: Engine) -> None:
    """Have every statement of this engine recorded."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)


def _begin(
    connection: Connection, _cursor: object, statement: str, _parameters: object, _context: object, _many: bool
) -> None:
    parent = trace.get_current_span()
    if not parent.is_recording() or not _count(parent):
        return
    operation = statement.split(None, 1)[0].upper()
    attributes = {
        "db.system.name": "postgresql",
        "db.namespace": connection.engine.url.database or "",
        "db.operation.name": operation,
        "db.query.text": statement[:LONGEST_TEXT],
    }
    connection.info[SPAN] = tracer().start_span(operation, kind=SpanKind.CLIENT, attributes=attributes)


def _count(parent: Span) -> bool:
    """Whether one more statement of this span is recorded."""
    seen = _counts[parent] = _counts.get(parent, 0) + 1
    if seen == MOST + 1:
        parent.set_attribute("trm.statements_left_out", True)
    return seen <= MOST


def _end(connection: Connection, *_: Any) -> None:  # noqa: ANN401
    if (span := connection.info.pop(SPAN, None)) is not None:
        span.end()


def _fail(failure: ExceptionContext) -> None:
    if failure.connection is None or failure.connection.invalidated:
        return  # its notes are gone with it
    if (span := failure.connection.info.pop(SPAN, None)) is not None:
        span.set_attribute("error.type", type(failure.original_exception).__name__)
        span.set_status(StatusCode.ERROR)
        span.end()
