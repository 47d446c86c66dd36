"""Every metric that the service exports, as the contract tests compare it with pages, dashboards and rules."""

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from services.registry.db.base import Base
from services.registry.jobs.job_counts import JobCounts
from services.registry.metrics.metrics import GatewayMetrics, ReaperMetrics, SolveMetrics, TrainMetrics
from services.registry.states import FINAL, JobKind, JobStatus


def every_family() -> tuple[Metric, ...]:
    """All metrics that the service exports, from any of its processes, as they are before the first event."""
    registries = [CollectorRegistry() for _ in range(4)]
    GatewayMetrics(registries[0])
    TrainMetrics(registries[1])
    SolveMetrics(registries[2])
    empty = {(kind, status): 0 for kind in JobKind for status in JobStatus}
    ended = {(kind, status): 0 for kind in JobKind for status in FINAL}
    sizes = dict.fromkeys(Base.metadata.tables, 0)
    ReaperMetrics(registries[3]).observe(JobCounts(empty, ended, dict.fromkeys(JobKind, 0.0), table_bytes=sizes))
    families = {family.name: family for registry in registries for family in registry.collect()}
    return tuple(families.values())
