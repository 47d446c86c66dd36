"""Makes Prometheus instruments that have all their series from the start: rates exist before the first event."""

from collections.abc import Mapping, Sequence
from itertools import product
from math import nan
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from services.registry.tracing.spans import current_trace_id

M = TypeVar("M", bound=MetricWrapperBase)
Values = Sequence[str]  # of a label; empty for one whose values are known only at run time

TRACE_ID = "trace_id"  # by this name Grafana leads from a point to a trace
EXEMPLAR_CHARACTERS = 128  # of names and values together, in the OpenMetrics specification


def exemplar(**labels: str) -> dict[str, str] | None:
    """What a single observation was about, for a histogram to keep, and in which trace; what is too long for an exemplar is left out."""
    traced = current_trace_id()
    known = labels if traced is None else {TRACE_ID: traced} | labels
    while sum(map(len, (*known, *known.values()))) > EXEMPLAR_CHARACTERS:
        known.popitem()  # the trace stays to the last
    return known or None


class Instruments:
    """Makes the instruments of one registry; keyword arguments name the labels and list their values."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, meaning: str, **labels: Values) -> Counter:
        """Create a counter."""
        return _initialise(Counter(name, meaning, tuple(labels), registry=self._registry), labels)

    def histogram(self, name: str, meaning: str, buckets: Sequence[float], **labels: Values) -> Histogram:
        """Create a histogram."""
        return _initialise(Histogram(name, meaning, tuple(labels), buckets=buckets, registry=self._registry), labels)

    def gauge(self, name: str, meaning: str) -> Gauge:
        """A value that comes and goes; NaN until it is set."""
        gauge = Gauge(name, meaning, registry=self._registry)
        gauge.set(nan)
        return gauge

    def last_heartbeat(self, role: str) -> Gauge:
        """When the process last completed its periodic work, as Unix time; call `set_to_current_time`."""
        name = "trm_worker_last_heartbeat_timestamp_seconds"
        meaning = "When this process last completed its periodic work."
        gauge = Gauge(name, meaning, ("role",), registry=self._registry).labels(role)
        gauge.set_to_current_time()
        return gauge


def _initialise(metric: M, labels: Mapping[str, Values]) -> M:
    if labels:
        for values in product(*labels.values()):
            metric.labels(*values)
    return metric
