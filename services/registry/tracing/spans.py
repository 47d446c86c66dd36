"""The service's own spans: a job's row keeps the traceparent of its request, and every attempt at the job is linked to that."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from uuid import UUID

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from trm.version import trm_version

TRACEPARENT = "traceparent"
chosen_span_id: ContextVar[int | None] = ContextVar("chosen_span_id", default=None)  # of the span that starts next
_w3c = TraceContextTextMapPropagator()


def tracer() -> Tracer:
    """What starts our spans."""
    return trace.get_tracer("trm-service", _read_version())


@cache
def _read_version() -> str:
    return trm_version()  # which is read from the disk


def current_traceparent() -> str | None:
    """The current span as a W3C traceparent; None where there is none."""
    carrier: dict[str, str] = {}
    _w3c.inject(carrier)
    return carrier.get(TRACEPARENT)


def trace_id_of(traceparent: str | None) -> str | None:
    """The 32 hexadecimal digits of its trace."""
    return None if traceparent is None else traceparent.split("-")[1]


def current_trace_id() -> str | None:
    """The 32 hexadecimal digits of the trace that the current span is recorded in."""
    current = trace.get_current_span().get_span_context()
    return trace.format_trace_id(current.trace_id) if current.is_valid and current.trace_flags.sampled else None


@contextmanager
def untraced() -> Iterator[None]:
    """What repeats for hours, such as a heartbeat, stays out of the trace."""
    token = contexts.attach(Context())
    try:
        yield
    finally:
        contexts.detach(token)


@contextmanager
def shared_span(name: str, waiting: Sequence[SpanContext]) -> Iterator[None]:
    """Work done once for several who wait: a child of the first one's span, linked to the others'."""
    valid = sorted((one for one in waiting if one.is_valid), key=lambda one: not one.trace_flags.sampled)
    if not valid:
        yield
        return
    parent = trace.set_span_in_context(NonRecordingSpan(valid[0]), Context())
    with tracer().start_as_current_span(name, parent, links=[Link(other) for other in valid[1:]]):
        yield


def start_attempt(
    kind: str,
    job_id: str,
    attempt: int,
    *,
    lease_token: UUID,
    traceparent: str | None,
    started_at: datetime | None = None,
) -> Span:
    """The span of one attempt at a job: in the trace of the request, as its child and linked to it.

    Its id follows from the lease, so that what a killed worker has reported stays below the span that the reaper records for it.
    """
    parent = _w3c.extract({} if traceparent is None else {TRACEPARENT: traceparent}, Context())
    request = trace.get_current_span(parent).get_span_context()
    links = [Link(request, {"trm.link": "request"})] if request.is_valid else []
    attributes: dict[str, AttributeValue] = {"trm.job.id": job_id, "trm.job.kind": kind, "trm.attempt": attempt}
    token = chosen_span_id.set(int.from_bytes(lease_token.bytes[8:]))
    try:
        start = None if started_at is None else int(started_at.timestamp() * 1e9)
        return tracer().start_span(f"{kind} attempt", parent, SpanKind.CONSUMER, attributes, links, start)
    finally:
        chosen_span_id.reset(token)


def mark_failed(span: Span, code: str) -> None:
    """Note that what the span stands for went wrong, with the code of the problem."""
    span.set_attribute("error.type", code)
    span.set_status(StatusCode.ERROR)
