"""Messages that come twice, late, never or garbled, and those who die while they send them."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from services.registry.jobs import queue
from services.registry.jobs.queue import Announcement
from services.registry.states import JobKind
from services.stack import broker
from tests.chaos.customer import PUZZLE, Customer
from tests.chaos.stand import TRAIN_TOO, Stand
from tests.conftest import wait_until


@pytest.mark.quick
@pytest.mark.fault("messages", "each delivered three times more, at once")
@pytest.mark.slow
def test_messages_that_come_several_times(stand: Stand, customer: Customer) -> None:
    stand.up(TRAIN_TOO)
    told = [Announcement(customer.train(40), JobKind.TRAIN)]
    told += [Announcement(customer.solve(), JobKind.SOLVE) for _ in range(30)]
    queue.publish_all(stand.app, 3 * told)
    for one in told:
        assert customer.succeeded(one.job_id)["attempt"] == 1


@pytest.mark.slow
@pytest.mark.quick
@pytest.mark.fault("messages", "delivered after the job has ended, or for a job that never was")
def test_messages_that_come_late(stand: Stand, customer: Customer) -> None:
    training, solve, cancelled = customer.train(20), customer.solve(), customer.train(20)
    customer.broken.add(cancelled)
    customer.move(cancelled, "cancel")
    for job in (training, solve, cancelled):
        customer.ended(job)
    late = [Announcement(training, JobKind.TRAIN), Announcement(cancelled, JobKind.TRAIN)]
    late += [Announcement(solve, JobKind.SOLVE), Announcement("job_that_never_was", JobKind.SOLVE)]
    queue.publish_all(stand.app, 2 * late)
    _all_taken(stand)
    assert [customer.job(job)["attempt"] for job in (training, solve)] == [1, 1]


@pytest.mark.fault("messages", "garbage: no JSON, no message, an unknown task")
def test_messages_that_are_garbage(stand: Stand, customer: Customer) -> None:
    with redis.Redis(unix_socket_path=str(stand.sockets / broker.SOCKET)) as client:
        message = json.loads(_any_message(stand))
        foreign = message | {"headers": message["headers"] | {"task": "trm.unknown"}}
        untyped = message | {"body": "bm90IGpzb24="}
        for name in queue.QUEUES.values():
            for garbage in ("not json", "{}", json.dumps(foreign), json.dumps(untyped)):
                client.lpush(f"trm:{name}", garbage)
    customer.succeeded(customer.train(20))
    customer.succeeded(customer.solve())
    _all_taken(stand)


def _any_message(stand: Stand) -> bytes:
    """A message as ours look, taken out of a queue that no worker listens to."""
    with (
        stand.app.producer_or_acquire() as producer,
        redis.Redis(unix_socket_path=str(stand.sockets / broker.SOCKET)) as client,
    ):
        message = stand.app.amqp.as_task_v2("id", queue.TASKS[JobKind.TRAIN], args=("job",))
        producer.publish(message.body, exchange="", routing_key="unread", headers=message.headers, **message.properties)
        found = client.brpop(["trm:unread"], 5)
    assert found is not None
    taken: bytes = found[1]
    return taken


def _all_taken(stand: Stand) -> None:
    wait_until(lambda: not any(queue.messages_waiting(stand.app, kind) for kind in JobKind))


@pytest.mark.slow
@pytest.mark.quick
@pytest.mark.fault("gateway", "kill -9 between commit and publish")
def test_the_gateway_dies_between_commit_and_publish(stand: Stand, customer: Customer) -> None:
    armed = stand.arm("gateway", "publish", "kill")
    jobs = [customer.solve() for _ in range(5)]
    stand.struck(armed)
    for job in jobs:
        assert customer.succeeded(job)["attempt"] == 1


@pytest.mark.fault("gateway", "kill -9 between publish and mark, before the commit, and between commit and answer")
@pytest.mark.parametrize(("point", "after"), [("mark", False), ("record", True), ("answer", False)])
def test_the_gateway_dies_at_another_moment(stand: Stand, customer: Customer, point: str, after: bool) -> None:
    armed = stand.arm("gateway", point, "kill", after=after)
    jobs = [customer.train(20), *(customer.solve() for _ in range(5))]
    stand.struck(armed)
    for job in jobs:
        assert customer.succeeded(job)["attempt"] == 1


@pytest.mark.fault("reaper", "kill -9 between publish and mark")
@pytest.mark.parametrize("point", ["publish", "mark"])
def test_the_reaper_dies_while_it_announces(stand: Stand, customer: Customer, point: str) -> None:
    stand.down("reaper")
    unannounced = stand.arm("gateway", "publish", "kill")
    job = customer.solve()
    stand.struck(unannounced)
    armed = stand.arm("reaper", point, "kill", after=True)
    stand.up("reaper")
    stand.struck(armed)
    assert customer.succeeded(job)["attempt"] == 1


@pytest.mark.fault(
    "gateway", "a commit that is answered after the client has given up, and 20 requests with one key at once"
)
def test_a_commit_that_is_acknowledged_late(stand: Stand, customer: Customer) -> None:
    armed = stand.arm("gateway", "answer", "wait", seconds=7)  # clients wait 5
    body = {"model": customer.model, "puzzle": PUZZLE}
    with ThreadPoolExecutor(20) as pool:
        jobs = {
            one.result() for one in [pool.submit(customer.ask, "/v1/solve-jobs", body, "the-same") for _ in range(20)]
        }
    stand.struck(armed)
    assert len(jobs) == 1
