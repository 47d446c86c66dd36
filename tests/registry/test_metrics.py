"""Metrics keep the naming rules, exist from the start, and add up over processes."""

import math
import re
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, update

from deploy.site.metrics import every_family
from services.registry.access.visibility import EVERYTHING
from services.registry.db.base import Base
from services.registry.db.tables import Checkpoint
from services.registry.jobs import job_counts, jobs
from services.registry.metrics import metrics
from services.registry.states import JobKind, JobStatus
from tests.registry.conftest import Book

FAMILIES = {family.name: family for family in every_family()}
UNITS = ("_seconds", "_bytes", "_ratio", "_total", "_info")
WITHOUT_UNIT = {
    "trm_jobs", "trm_jobs_unpublished", "trm_solve_steps", "trm_halt_probability", "trm_train_loss",
    "trm_train_exact_accuracy", "trm_train_mean_supervision_steps", "trm_solve_slots_busy",
}  # fmt: skip
LABELS = {
    "kind": set(metrics.KINDS), "outcome": set(metrics.OUTCOMES), "status": {status.value for status in JobStatus},
    "verdict": set(metrics.VERDICTS), "reason": {*metrics.CHECKPOINT_FAILURES, *metrics.REASONS}, "role": {"train", "solve", "reaper"},
    "what": set(metrics.REMOVED), "table": set(Base.metadata.tables),
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_names_follow_the_rules(name: str) -> None:
    family = FAMILIES[name]
    exported = {"counter": f"{name}_total", "info": f"{name}_info"}.get(family.type, name)
    assert re.fullmatch(r"trm_[a-z_]+", exported)
    assert exported.endswith(UNITS) or exported in WITHOUT_UNIT
    assert family.documentation.endswith(".")


@pytest.mark.parametrize("name", FAMILIES)
def test_labels_come_from_closed_sets(name: str) -> None:
    for sample in FAMILIES[name].samples:
        for label, value in sample.labels.items():
            assert label in ("le", "version") or value in LABELS[label], sample


def test_series_exist_before_the_first_event() -> None:
    for name, family in FAMILIES.items():
        assert family.samples or name.startswith("trm_http_"), name
    finished = {(s.labels["kind"], s.labels["outcome"]) for s in FAMILIES["trm_jobs_finished"].samples}
    assert finished == {(kind, status) for kind in metrics.KINDS for status in ("succeeded", "failed", "cancelled")}


def test_gauges_of_a_run_say_nothing_without_one() -> None:
    registry = CollectorRegistry()
    train = metrics.TrainMetrics(registry)
    assert math.isnan(registry.get_sample_value("trm_train_loss") or 0)
    train.loss.set(0.5)
    assert registry.get_sample_value("trm_train_loss") == 0.5


def test_roles_share_only_what_says_who_they_are() -> None:
    def names(*registries: CollectorRegistry) -> set[str]:
        return {family.name for registry in registries for family in registry.collect()}

    gateway, reaper, solve = CollectorRegistry(), CollectorRegistry(), CollectorRegistry()
    metrics.GatewayMetrics(gateway)
    metrics.SolveMetrics(solve)
    metrics.ReaperMetrics(reaper)
    assert names(gateway) & names(solve) == {"trm_build"}
    assert names(reaper) & names(solve) == {"trm_build", "trm_worker_last_heartbeat_timestamp_seconds"}


def test_reaper_exports_what_the_database_counts(book: Book) -> None:
    for status in JobStatus:
        book.job_in(status)
    book.job_in(JobStatus.FAILED)
    book.model()
    with book.transaction() as session:
        session.execute(update(Checkpoint).values(retired_at=func.now() - timedelta(minutes=1)))
    registry = CollectorRegistry()
    reaper = metrics.ReaperMetrics(registry)
    assert registry.get_sample_value("trm_jobs_unpublished") is None
    with book.transaction() as session:
        counted = job_counts.take(session)
    reaper.observe(counted)
    assert counted.jobs[JobKind.TRAIN, JobStatus.FAILED] == 2
    assert counted.oldest_queued_seconds[JobKind.SOLVE] == 0
    assert counted.oldest_queued_seconds[JobKind.TRAIN] > 0

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("trm_jobs", kind="train", status="running") == 2
    assert value("trm_jobs", kind="solve", status="running") == 0
    assert value("trm_jobs_finished_total", kind="train", outcome="failed") == 2
    assert value("trm_jobs_unpublished") == 1
    assert (value("trm_oldest_queued_age_seconds", kind="train") or 0) > 0
    assert (value("trm_oldest_unpublished_age_seconds") or 0) > 0
    assert (value("trm_oldest_retired_checkpoint_age_seconds") or 0) >= 60


def test_what_has_ended_stays_counted_when_it_is_retried(book: Book) -> None:
    def finished() -> dict[str, int]:
        with book.transaction() as session:
            counted = job_counts.take(session)
        return {
            status.value: count for (kind, status), count in counted.ended.items() if kind is JobKind.TRAIN and count
        }

    failed, cancelled = book.job_in(JobStatus.FAILED), book.job_in(JobStatus.CANCELLED)
    assert finished() == {"failed": 1, "cancelled": 1}
    for job_id in (failed, cancelled):
        with book.transaction() as session:
            jobs.retry(session, EVERYTHING, job_id, 1)
    assert finished() == {"failed": 1, "cancelled": 1}
    book.finish(book.claim(failed), JobStatus.FAILED)
    assert finished() == {"failed": 2, "cancelled": 1}


def test_nothing_waits_in_an_empty_database(book: Book) -> None:
    with book.transaction() as session:
        counted = job_counts.take(session)
    assert (counted.unpublished, counted.oldest_unpublished_seconds, counted.oldest_retired_seconds) == (0, 0, 0)
