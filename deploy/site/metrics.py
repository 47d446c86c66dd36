"""The reference page of all metrics, from their declarations."""

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from deploy.site.table import render_table
from services.registry.db.base import Base
from services.registry.jobs.job_counts import JobCounts
from services.registry.metrics.metrics import GatewayMetrics, ReaperMetrics, SolveMetrics, TrainMetrics
from services.registry.states import FINAL, JobKind, JobStatus

HEAD = """\
# Metrics

Written by `make reference`. What `/metrics` of the gateway and of every worker process exports; [the boards](../operations/dashboards.md)
show it. Counters carry the suffix `_total` on the wire. What one request or job did is in its [trace](../how-to/tracing.md).
"""


def every_family(*, asked: bool = False) -> tuple[Metric, ...]:
    """All metrics that the service exports, from any of its processes, as they are before the first event, or after one request."""
    registries = [CollectorRegistry() for _ in range(4)]
    gateway = GatewayMetrics(registries[0])
    if asked:  # which routes there are is known only at run time
        gateway.http_requests.labels(method="GET", route="/", status="200")
        gateway.http_request_seconds.labels(method="GET", route="/")
    TrainMetrics(registries[1])
    SolveMetrics(registries[2])
    empty = {(kind, status): 0 for kind in JobKind for status in JobStatus}
    ended = {(kind, status): 0 for kind in JobKind for status in FINAL}
    sizes = dict.fromkeys(Base.metadata.tables, 0)
    ReaperMetrics(registries[3]).observe(JobCounts(empty, ended, dict.fromkeys(JobKind, 0.0), table_bytes=sizes))
    families = {family.name: family for registry in registries for family in registry.collect()}
    return tuple(families.values())


def metrics_page() -> str:
    """The page: a row for each metric, by name."""
    rows = [
        (f"`{family.name}`", family.type, _labels(family), family.documentation) for family in every_family(asked=True)
    ]
    return f"{HEAD}\n{render_table(('metric', 'type', 'labels', 'meaning'), sorted(rows))}"


def _labels(family: Metric) -> str:
    return ", ".join(sorted({label for sample in family.samples for label in sample.labels} - {"le"})) or "-"
