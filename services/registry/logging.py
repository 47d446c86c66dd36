"""How every process of the service logs: one line an event on stderr, for people or as JSON."""

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog
from opentelemetry import trace

from trm.json_text import to_json

PASSWORD_IN_URL = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")
TOKEN = re.compile(r"\b(trm_(?:[0-9a-f]{32}|admin)_)[0-9a-f]{64}\b|\b(whsec_)[A-Za-z0-9+/=]{20,}")
QUIET = ("alembic", "kombu", "amqp", "fsspec", "uvicorn.access")  # they say at info what we say ourselves


def configure_logging(level: str, style: Literal["console", "json"], *, part: str) -> None:
    """Send structlog's and the standard library's records the same way; every line names the part of the service."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _add_part(part),
        add_trace,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_make_renderers(style)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def add_trace(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the current trace and span, where there is one."""
    if (current := trace.get_current_span().get_span_context()).is_valid:
        event["trace_id"] = trace.format_trace_id(current.trace_id)
        event["span_id"] = trace.format_span_id(current.span_id)
    return event


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Redact passwords inside URLs, and the secrets of API keys and webhooks."""
    for key, value in event.items():
        if isinstance(value, str) and ("://" in value or "trm_" in value or "whsec_" in value):
            event[key] = _redact_text(value)
    return event


def _add_part(part: str) -> structlog.typing.Processor:
    def name(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("part", part)
        return event

    return name


def _make_renderers(style: Literal["console", "json"]) -> list[structlog.typing.Processor]:
    if style == "json":
        return [structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer(to_json)]
    colors = sys.stderr.isatty()
    return [structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0, exception_formatter=_write_traceback)]


def _write_traceback(output: TextIO, exc_info: structlog.typing.ExcInfo) -> None:
    """Plain: structlog's pretty one prints local variables, secrets among them."""
    output.write("\n" + _redact_text("".join(traceback.format_exception(*exc_info))).rstrip())


def _redact_text(text: str) -> str:
    return TOKEN.sub(lambda found: f"{found[1] or found[2]}***", PASSWORD_IN_URL.sub(r"\1:***@", text))
