"""A worker that is free is told of a job that asks for what it offers, in a queue of its own; a busy one, or another, is not."""

from typing import Any

import redis

from services.registry.db.database import Database
from services.registry.jobs import leases, queue
from services.registry.jobs.requirements import Capabilities, Requirements
from services.registry.metrics.metrics import SolveMetrics
from services.registry.settings import Settings
from services.registry.states import JobKind
from services.stack import broker
from tests.fresh import new_job
from workers import attempt
from workers.context import Worker
from workers.lookout import look

KINDS = [JobKind.SOLVE, JobKind.EVALUATE]
LABELLED = Requirements(labels=("lab-a",))


def told(settings: Settings, worker: Worker[SolveMetrics]) -> int:
    """Number of messages in the worker's own queue."""
    url = settings.require_broker_url().removeprefix("redis+socket://")
    assert url.endswith(broker.SOCKET)
    with redis.Redis(unix_socket_path=url) as client:
        return int(client.llen(f"trm:{worker.queue.name}"))


def submit(database: Database, kind: JobKind, requires: Requirements) -> str:
    with database.transaction() as session:
        return new_job(session, kind, {}, pretrained="sudoku-6x6", requires=requires).id


def test_it_is_told_of_what_it_fits_while_it_is_free(
    worker: Worker[SolveMetrics], database: Database, settings: Settings
) -> None:
    app = queue.publisher_app(settings)
    for kind in KINDS:
        submit(database, kind, Requirements())
    look(worker, app, KINDS, 2)
    assert told(settings, worker) == 0  # messages have been sent for those that ask for nothing
    jobs = [submit(database, kind, LABELLED) for kind in KINDS]
    look(worker, app, KINDS, 2)
    assert told(settings, worker) == 0
    worker.offers = Capabilities("cpu", labels=("lab-a", "lab-b"))
    look(worker, app, KINDS, 2)
    assert told(settings, worker) == 2
    with database.transaction() as session:
        assert leases.claim(session, jobs[0], worker.name, 30, worker.offers) is not None
    look(worker, app, KINDS, 1)
    assert told(settings, worker) == 2
    look(worker, app, KINDS, 2)
    assert told(settings, worker) == 3  # of the evaluation alone


def test_after_one_comes_the_next_without_a_message(worker: Worker[SolveMetrics], database: Database) -> None:
    worker.offers, done = Capabilities("cpu", labels=("lab-a",)), list[str]()

    def work(_: Worker[SolveMetrics], claim: leases.Claim) -> dict[str, Any]:
        done.append(claim.job_id)
        return {}

    plain = submit(database, JobKind.SOLVE, Requirements())
    asking = [submit(database, JobKind.SOLVE, LABELLED) for _ in range(3)]
    other = submit(database, JobKind.SOLVE, Requirements(labels=("lab-b",)))
    attempt.run(worker, JobKind.SOLVE, plain, work)
    assert done == [plain]  # each that asks for nothing has a message
    attempt.run(worker, JobKind.SOLVE, other, work)
    assert done == [plain, *asking]
