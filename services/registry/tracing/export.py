"""Sends the spans of a process to a collector, as the standard OTEL_* variables say."""

import logging
import os
import socket

import structlog
from opentelemetry import trace

from services.registry.tracing.spans import chosen_span_id
from trm.version import trm_version

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"
EXIT_MILLISECONDS = 3_000  # for the last spans to leave; a collector that is down must not keep a process from ending
log = structlog.get_logger()


def configure_tracing(part: str) -> bool:
    """Export this process's spans over OTLP/HTTP if a collector is named; whether they are.

    The SDK reads the other variables: sampling, headers, timeouts, limits, resource attributes.
    """
    if not _is_wanted():
        return False
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    except ImportError:
        log.warning("tracing.not_installed", advice="pip install 'trm-service[tracing]', or unset OTEL_EXPORTER_OTLP_*")
        return False

    class IdGenerator(RandomIdGenerator):
        """Random ids, but for a span whose id is chosen."""

        def generate_span_id(self) -> int:
            return chosen_span_id.get() or super().generate_span_id()

    class SpanProcessor(BatchSpanProcessor):
        """Sends spans in batches, and at the exit of the process waits a limited time for the last."""

        def shutdown(self) -> None:
            self._batch_processor.shutdown(EXIT_MILLISECONDS)

    if (protocol := _find_first(PROTOCOLS)) not in (None, PROTOCOL):
        log.warning("tracing.protocol_ignored", protocol=protocol, used=PROTOCOL)
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)  # of a batch that is lost, not of every try
    provider = TracerProvider(resource=Resource.create(_describe_process(part)), id_generator=IdGenerator())
    provider.add_span_processor(SpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    log.info("tracing.started", endpoint=_find_first(ENDPOINTS))
    return True


def _is_wanted() -> bool:
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return _find_first(ENDPOINTS) is not None and not is_off and os.environ.get("OTEL_TRACES_EXPORTER") != "none"


def _find_first(names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)


def _describe_process(part: str) -> dict[str, str | int]:
    own: dict[str, str | int] = {
        "service.namespace": "trm",
        "service.version": trm_version(),
        "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
        "process.pid": os.getpid(),
        "trm.part": part,
    }
    return own if _find_first(("OTEL_SERVICE_NAME",)) else own | {"service.name": f"trm-{part}"}
