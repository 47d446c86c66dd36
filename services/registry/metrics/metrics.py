"""Every Prometheus metric of the service: names, meanings, and labels from closed sets.

Each process that is scraped builds the one class of its role on its own registry. What is counted in the database
(jobs by status, jobs finished) is exported by the reaper alone, so that adding up over processes counts nothing twice.
"""

import resource
from collections.abc import Iterator
from importlib.metadata import version
from typing import get_args

from prometheus_client import CollectorRegistry, Info
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.registry.errors import StorageUnavailable
from services.registry.jobs.job_counts import JobCounts
from services.registry.metrics.instruments import Instruments
from services.registry.states import JobKind, Outcome
from trm.errors import StorageFull
from trm.interface.solution import Reason

KINDS = tuple(kind.value for kind in JobKind)
OUTCOMES = tuple(outcome.value for outcome in Outcome)
VERDICTS = ("verified", "refuted", "unknown")  # by the puzzle's rules; unknown where it has none
REASONS: tuple[str, ...] = get_args(Reason)  # why a chain stopped
REMOVED = ("jobs", "events", "carries", "audit")
CHECKPOINT_FAILURES = (StorageFull.code, StorageUnavailable.code, "other")
ANY = ()  # a label whose values are known only at run time

HTTP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
WAIT_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
RUN_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200, 86_400)
STEP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
PROBABILITIES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
SUPERVISION_STEPS = (*range(1, 17), 24, 32, 64, 128, 256, 512, 1024)  # trained with 16; requests may ask for more


class BuildMetrics:
    """What every process says about itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._make = Instruments(registry)
        build = Info("trm_build", "The version that this process runs.", registry=registry)
        build.info({"version": version("trm-service")})


class GatewayMetrics(BuildMetrics):
    """What the gateway measures; `route` is the template of a path, never the path."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        make = self._make
        self.http_requests = make.counter(
            "trm_http_requests_total", "Requests answered.", method=ANY, route=ANY, status=ANY
        )
        self.http_request_seconds = make.histogram(
            "trm_http_request_seconds", "Time to answer a request.", HTTP_SECONDS, method=ANY, route=ANY
        )
        self.jobs_submitted = make.counter("trm_jobs_submitted_total", "Jobs accepted over HTTP.", kind=KINDS)


class WorkerMetrics(BuildMetrics):
    """What both kinds of worker measure, about the one kind of job that it takes."""

    def __init__(self, registry: CollectorRegistry, kind: JobKind) -> None:
        super().__init__(registry)
        make, kinds = self._make, (kind.value,)
        self.attempts_ended = make.counter(
            "trm_attempts_ended_total", "Attempts at jobs that this worker ended.", kind=kinds, outcome=OUTCOMES
        )
        self.job_queue_wait_seconds = make.histogram(
            "trm_job_queue_wait_seconds",
            "Time that a job could have been claimed before it was.",
            WAIT_SECONDS,
            kind=kinds,
        )
        self.job_run_seconds = make.histogram(
            "trm_job_run_seconds", "Time that an attempt took.", RUN_SECONDS, kind=kinds
        )
        self.stale_writes_rejected = make.counter(
            "trm_stale_writes_rejected_total", "Writes refused because the lease was lost.", kind=kinds
        )
        self.jobs_quarantined = make.counter(
            "trm_jobs_quarantined_total", "Jobs quarantined because they kill the training process.", kind=kinds
        )
        self.checkpoints_damaged = make.counter(
            "trm_checkpoints_damaged_total", "Checkpoints that were to be read and are not what was stored.", kind=kinds
        )
        self.last_heartbeat = make.last_heartbeat(kind.value)
        self.peak_memory = make.gauge(
            "trm_worker_peak_memory_bytes", "Peak memory of this worker and its child processes."
        )
        self.peak_memory.set_function(_read_peak_memory)


class TrainMetrics(WorkerMetrics):
    """What a training worker measures; the gauges describe the run in progress, and are NaN without one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry, JobKind.TRAIN)
        make = self._make
        self.step_seconds = make.histogram(
            "trm_train_step_seconds", "Time of an optimizer update, evaluations left out.", STEP_SECONDS
        )
        self.loss = make.gauge("trm_train_loss", "Loss at the last logged step.")
        self.exact_accuracy = make.gauge("trm_train_exact_accuracy", "Share of puzzles right at the last logged step.")
        self.mean_supervision_steps = make.gauge(
            "trm_train_mean_supervision_steps", "Supervision steps until a puzzle halts."
        )
        self.progress = make.gauge(
            "trm_train_progress_ratio", "Share of the training's time that has passed, evaluations included."
        )
        self.checkpoint_write_seconds = make.histogram(
            "trm_checkpoint_write_seconds", "Time to store a checkpoint.", STEP_SECONDS
        )
        self.checkpoint_bytes = make.counter("trm_checkpoint_bytes_total", "Bytes of checkpoints stored.")
        self.checkpoint_failures = make.counter(
            "trm_checkpoint_failures_total", "Checkpoints that could not be stored.", reason=CHECKPOINT_FAILURES
        )


class SolveMetrics(WorkerMetrics):
    """Metrics of a solve worker."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry, JobKind.SOLVE)
        make = self._make
        self.steps = make.histogram("trm_solve_steps", "Supervision steps of the chosen chain.", SUPERVISION_STEPS)
        self.chain_steps = make.counter(
            "trm_solve_chain_steps_total", "Supervision steps of all chains: what the answers cost."
        )
        self.puzzles = make.counter(
            "trm_solve_puzzles_total", "Puzzles answered, by the reason why the chosen chain stopped.", reason=REASONS
        )
        self.halt_probability = make.histogram(
            "trm_halt_probability", "The model's confidence in an answer when it was given.", PROBABILITIES
        )
        self.verified = make.counter(
            "trm_solve_verified_total", "Answers, by what the puzzle's rules say of them.", verdict=VERDICTS
        )
        self.step_seconds = make.histogram(
            "trm_solve_step_seconds", "Time of a supervision step of a batch.", STEP_SECONDS
        )
        self.slots_busy = make.gauge("trm_solve_slots_busy", "Active chains at the last step, of all models.")


def _read_peak_memory() -> float:
    kibibytes = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return 1024 * kibibytes


class ReaperMetrics(BuildMetrics):
    """What the reaper measures, and what it counts in the database for everyone."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        make = self._make
        self.removed = make.counter(
            "trm_retention_removed_total", "Rows removed for their age or number.", what=REMOVED
        )
        self.lease_expirations = make.counter(
            "trm_lease_expirations_total", "Jobs taken from a lost worker.", kind=KINDS
        )
        self.jobs_republished = make.counter(
            "trm_jobs_republished_total", "Messages sent because the first may be lost.", kind=KINDS
        )
        self.jobs_expired = make.counter(
            "trm_jobs_expired_total", "Jobs that no worker claimed within their ttl_seconds.", kind=KINDS
        )
        self.storage_free = make.gauge(
            "trm_storage_free_bytes", "Bytes free on the disk of the artifacts; NaN for a bucket."
        )
        self.storage_floor = make.gauge(
            "trm_storage_floor_bytes", "Bytes of that disk below which nothing is stored; NaN for a bucket."
        )
        self.last_heartbeat = make.last_heartbeat("reaper")
        self._job_counts = _JobCountsCollector()
        registry.register(self._job_counts)

    def observe(self, job_counts: JobCounts) -> None:
        """Export this count of the jobs from now on."""
        self._job_counts.latest = job_counts


class _JobCountsCollector(Collector):
    """Exports the last count of the database's jobs; nothing before the first."""

    def __init__(self) -> None:
        self.latest: JobCounts | None = None

    def collect(self) -> Iterator[Metric]:
        if self.latest is not None:
            yield from _count_families(self.latest)

    def describe(self) -> Iterator[Metric]:
        yield from _count_families(JobCounts(jobs={}, ended={}, oldest_queued_seconds={}))


def _count_families(job_counts: JobCounts) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("trm_jobs", "Jobs recorded.", labels=("kind", "status"))
    finished = CounterMetricFamily(
        "trm_jobs_finished_total", "Jobs that reached their end.", labels=("kind", "outcome")
    )
    for (kind, status), count in job_counts.jobs.items():
        jobs.add_metric((kind.value, status.value), count)
    for (kind, outcome), count in job_counts.ended.items():
        finished.add_metric((kind.value, outcome.value), count)
    oldest = GaugeMetricFamily(
        "trm_oldest_queued_age_seconds", "Age of the longest wait for a worker.", labels=("kind",)
    )
    for kind, seconds in job_counts.oldest_queued_seconds.items():
        oldest.add_metric((kind.value,), seconds)
    yield from (jobs, finished, oldest)
    yield GaugeMetricFamily("trm_jobs_unpublished", "Jobs that wait without a message.", job_counts.unpublished)
    yield GaugeMetricFamily(
        "trm_oldest_unpublished_age_seconds", "Longest wait for a message.", job_counts.oldest_unpublished_seconds
    )
    yield GaugeMetricFamily(
        "trm_oldest_retired_checkpoint_age_seconds",
        "Longest time that a retired checkpoint's files wait to be deleted.",
        job_counts.oldest_retired_seconds,
    )
    sizes = GaugeMetricFamily("trm_table_bytes", "Disk space of a table, with its indexes.", labels=("table",))
    for table, size in job_counts.table_bytes.items():
        sizes.add_metric((table,), size)
    yield sizes
