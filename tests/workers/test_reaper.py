"""The reaper announces the jobs that were not announced, and no others."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from celery import Celery
from prometheus_client import CollectorRegistry
from sqlalchemy import func, text, update

from services.registry.access import audit
from services.registry.access.audit import AuditEntry
from services.registry.access.visibility import EVERYTHING
from services.registry.db.database import Database
from services.registry.db.tables import Job
from services.registry.jobs import job_events, jobs, queue, rescue
from services.registry.jobs.queue import Announcement
from services.registry.metrics.metrics import ReaperMetrics
from services.registry.settings import Settings
from services.registry.states import JobKind
from tests.conftest import wait_until
from tests.fresh import new_job, new_run
from trm.config.run import RunConfig
from workers.reaper import Reaper


@pytest.fixture
def app(settings: Settings) -> Iterator[Celery]:
    app = queue.publisher_app(settings)
    yield app
    app.close()


@pytest.fixture
def reaper(settings: Settings, database: Database, app: Celery, collectors: CollectorRegistry) -> Reaper:
    """One that thinks every message old."""
    impatient = settings.model_copy(update={"republish_seconds": 0.0, "reaper_interval_seconds": 0.05})
    return Reaper(impatient, database, app, ReaperMetrics(collectors))


@pytest.fixture
def submit(database: Database, config: RunConfig) -> Callable[[], Announcement]:
    def make() -> Announcement:
        with database.transaction() as session:
            job = new_job(session, JobKind.TRAIN, {}, run_id=new_run(session, config).id)
        return Announcement(job.id, job.kind)

    return make


def mark_published(database: Database, told: list[Announcement]) -> None:
    with database.transaction() as session:
        rescue.mark_published(session, [one.job_id for one in told])


def test_a_long_queue_is_not_announced_again_and_again(
    reaper: Reaper, database: Database, app: Celery, submit: Callable[[], Announcement]
) -> None:
    waiting = [submit() for _ in range(5)]
    for _ in range(3):
        reaper.make_round()
    assert queue.messages_waiting(app, JobKind.TRAIN) == len(waiting)
    assert queue.messages_waiting(app, JobKind.SOLVE) == 0


def test_as_many_messages_are_sent_again_as_are_missing(
    reaper: Reaper, database: Database, app: Celery, submit: Callable[[], Announcement]
) -> None:
    lost, kept = [submit() for _ in range(2)], [submit() for _ in range(3)]
    mark_published(database, lost)
    mark_published(database, kept)
    queue.publish_all(app, kept)
    reaper.make_round()
    assert queue.messages_waiting(app, JobKind.TRAIN) == 5
    with app.connection_for_read() as connection:
        inbox = connection.SimpleQueue(queue.QUEUES[JobKind.TRAIN])
        told = [inbox.get(timeout=1).payload[0][0] for _ in range(5)]
        inbox.close()
    assert sorted(told) == sorted(one.job_id for one in lost + kept)


def test_what_waits_too_long_and_the_room_on_the_disk_are_exported(
    reaper: Reaper, database: Database, submit: Callable[[], Announcement], collectors: CollectorRegistry
) -> None:
    late = submit()
    with database.transaction() as session:
        session.execute(update(Job).where(Job.id == late.job_id).values(expires_at=func.now(), ttl_seconds=1))
    reaper.make_round()

    def value(name: str, **labels: str) -> float:
        return collectors.get_sample_value(name, labels) or 0

    assert value("trm_jobs_expired_total", kind="train") == 1
    assert value("trm_jobs_expired_total", kind="solve") == 0
    assert value("trm_storage_free_bytes") > value("trm_storage_floor_bytes") == reaper.settings.min_free_bytes


def test_a_database_without_room_does_not_end_the_reaper(
    reaper: Reaper, database: Database, submit: Callable[[], Announcement]
) -> None:
    full = (
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE USING ERRCODE = '53100'; END $$"
    )
    with database.transaction() as session:
        session.execute(text(full))
        session.execute(text("CREATE TRIGGER full_disk BEFORE UPDATE ON jobs EXECUTE FUNCTION full_disk()"))
    waiting, stopping = submit(), threading.Event()
    running = threading.Thread(target=reaper.run, args=(stopping,))
    running.start()
    try:
        time.sleep(0.5)
        assert running.is_alive()
        with database.transaction() as session:
            session.execute(text("DROP TRIGGER full_disk ON jobs"))
        wait_until(lambda: is_announced(database, waiting))
    finally:
        stopping.set()
        running.join()


def is_announced(database: Database, job: Announcement) -> bool:
    with database.transaction() as session:
        return jobs.get(session, EVERYTHING, job.job_id).published_at is not None


def test_what_is_old_goes_in_one_round_even_if_there_is_much_of_it(
    settings: Settings,
    database: Database,
    app: Celery,
    collectors: CollectorRegistry,
    submit: Callable[[], Announcement],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workers.reaper.REMOVED_AT_ONCE", 2)
    for _ in range(7):
        with database.transaction() as session:
            jobs.request_cancel(session, EVERYTHING, submit().job_id)
    unhurried = {"keep_jobs": 1, "reaper_interval_seconds": 60}  # a round may take as long
    keeping_one = settings.model_copy(update=unhurried)
    Reaper(keeping_one, database, app, ReaperMetrics(collectors)).make_round()
    with database.transaction() as session:
        assert len(jobs.page(session, EVERYTHING, limit=100).items) == 1


def test_what_was_removed_is_counted_by_what_it_was(
    settings: Settings,
    database: Database,
    app: Celery,
    collectors: CollectorRegistry,
    submit: Callable[[], Announcement],
) -> None:
    for _ in range(7):
        job_id = submit().job_id
        with database.transaction() as session:
            job_events.append_to(session, jobs.get(session, EVERYTHING, job_id), [("step", {})] * 3)
            jobs.request_cancel(session, EVERYTHING, job_id)
        with database.transaction() as session:
            audit.record(session, [AuditEntry("o", "c", "act", None, None, "200")])
    keeping_one = settings.model_copy(update={"keep_jobs": 1, "keep_audit": 1, "keep_events": 1})
    Reaper(keeping_one, database, app, ReaperMetrics(collectors)).make_round()
    removed = {
        what: collectors.get_sample_value("trm_retention_removed_total", {"what": what})
        for what in ("jobs", "events", "carries", "audit")
    }
    assert removed == {"jobs": 6, "events": 3, "carries": 0, "audit": 6}
