"""Workers on other hosts that are cut off, come back, or never do: nothing is lost and nothing done twice.

The hosts are network namespaces with addresses of their own. Where these cannot be made (not root, or no iproute2), the tests say so and
are skipped: they are the only ones of the suite that need the machine's network.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import cast

import pytest
from sqlalchemy import select, text

from services.registry.db.tables import Checkpoint
from services.registry.storage.artifacts import is_checkpoint
from services.registry.storage.storage import Storage
from tests.acceptance.conftest import TINY
from tests.api import Json
from tests.chaos import conftest, hosts, invariants, processes
from tests.chaos.customer import Customer
from tests.chaos.hosts import Cluster
from tests.chaos.invariants import INVARIANTS, Scene
from tests.chaos.processes import LEASE_SECONDS
from tests.chaos.report import Trial
from tests.chaos.stand import Stand

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not hosts.allowed(), reason="network namespaces need root and iproute2: no host can be cut off here"
    ),
]
KEPT = (  # of the invariants, those that look at the database alone
    "every accepted job ends", "every accepted request makes one job", "a job ends exactly once", "only allowed moves",
    "at most one live lease", "no row by a stale token", "metric steps without gaps, each once",
)  # fmt: skip
LONG = 120  # steps: with six checkpoints over the network some seconds


@pytest.fixture(scope="module")
def cluster(_own_environment: None) -> Iterator[Cluster]:
    """Two training workers, `a` and `b`, on hosts of their own."""
    with processes.opened(Cluster, "hosts") as made:
        made.work("a", 11)
        made.work("b", 12)
        yield made


@pytest.fixture
def customer(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Customer]:
    """A client whose jobs must not be lost; after the test all are looked at."""
    with cluster.database.transaction() as session:
        since = session.scalar(text("SELECT clock_timestamp()"))
    begun, survived = time.monotonic(), False
    with closing(Customer(cluster.api, since=since)) as made:
        made.patience = 240.0
        try:
            yield made
            for host in cluster.hosts.values():
                host.heal()
            for job in made.accepted.values():
                made.succeeded(job)
            assert violations(cluster, made) == []
            survived = True
        except BaseException as error:
            error.add_note(processes.tail(cluster.logs, 15))
            raise
        finally:
            broken, fault = request.node.get_closest_marker("fault").args
            count, seconds = len(made.accepted), round(time.monotonic() - begun, 1)
            lost = sum(made.job(job)["status"] != "succeeded" for job in made.accepted.values())
            conftest.trials.append(Trial(broken, fault, request.node.name, survived, count, lost, 0, seconds))
            conftest._write_down()


def violations(cluster: Cluster, customer: Customer) -> list[str]:
    """What is not as it must be, once the last messages and files have had their time."""
    deadline = time.monotonic() + invariants.CALM_SECONDS
    while (found := list(_look(cluster, customer))) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def _look(cluster: Cluster, customer: Customer) -> Iterator[str]:
    with cluster.database.transaction() as session:
        scene = Scene(cast(Stand, None), session, customer.since, customer.accepted)
        yield from (f"{name}: {what}" for name in KEPT for what in INVARIANTS[name](scene))
        kept = list(session.scalars(select(Checkpoint).where(Checkpoint.created_at >= customer.since)))
    storage, copies = _storage(cluster), cluster.folder / "copies"
    for row in kept:
        if row.retired_at is None and not is_checkpoint(storage.fetch_folder(row.url, copies / row.id), row.digest):
            yield f"{row.id} is damaged"
    known = {row.url for row in kept}
    for run in {row.run_id for row in kept}:
        yield from (f"no row knows {url}" for url in storage.folders(f"runs/{run}/*/step_*") if url not in known)


def _storage(cluster: Cluster) -> Storage:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.s3.environment.items():
            patch.setenv(name, value)
        storage = Storage(cluster.environment["TRM_STORAGE_URL"])
        storage.fs.connect()
        return storage


def train(customer: Customer, *labels: str, steps: int = LONG) -> str:
    """A small training, for a worker with these labels."""
    body = {"preset": "sudoku-4x4", "overrides": TINY | {"train.steps": steps}, "requires": {"labels": [*labels]}}
    return customer.ask("/v1/training-jobs", body)


def outcomes(job: Json) -> list[str]:
    return [attempt["outcome"] for attempt in job["attempts"]]


def host_of(customer: Customer, job: str) -> str:
    """Which host is at this job, once one has left a checkpoint."""
    customer.checkpointed(job)
    worker = customer.job(job)["attempts"][-1]["worker"]
    [labels] = [row["labels"] for row in customer.get("/v1/workers")["data"] if row["name"] == worker]
    return str(labels[0])


@pytest.mark.fault("host", "cut off for longer than its lease, and healed")
def test_a_host_that_comes_back_has_lost_its_job_and_takes_others(cluster: Cluster, customer: Customer) -> None:
    job = train(customer)
    name = host_of(customer, job)
    cluster.hosts[name].cut()
    customer.wait(job, lambda found: found["attempt"] == 2 and found["status"] == "running")
    time.sleep(LEASE_SECONDS)
    cluster.hosts[name].heal()
    found = customer.succeeded(job)
    assert outcomes(found) == ["lost", "succeeded"]
    assert found["attempts"][1]["first_step"] > 0
    after = customer.succeeded(train(customer, name, steps=40))
    assert after["attempts"][0]["worker"] == found["attempts"][0]["worker"]


@pytest.mark.fault("host", "cut off for a moment")
def test_a_host_that_is_back_within_its_lease_keeps_its_job(cluster: Cluster, customer: Customer) -> None:
    job = train(customer)
    name = host_of(customer, job)
    cluster.hosts[name].cut()
    time.sleep(LEASE_SECONDS / 4)
    cluster.hosts[name].heal()
    assert outcomes(customer.succeeded(job)) == ["succeeded"]


@pytest.mark.fault("host", "cut off from the storage alone, in a training")
def test_a_host_without_storage_keeps_its_job(cluster: Cluster, customer: Customer) -> None:
    job = train(customer)
    name = host_of(customer, job)
    cluster.hosts[name].cut_from_storage()
    time.sleep(4 * LEASE_SECONDS)
    assert customer.job(job)["attempt"] == 1  # heartbeats go on while it waits for the storage
    cluster.hosts[name].heal()
    customer.succeeded(job)


@pytest.mark.fault("host", "lost for good; a job that asks for it waits, and says so, until another like it joins")
def test_a_host_that_never_comes_back(cluster: Cluster, customer: Customer) -> None:
    job = train(customer)
    name = host_of(customer, job)
    asking = train(customer, name, steps=40)
    cluster.hosts[name].cut()
    cluster.kill(name)
    found = customer.succeeded(job)
    assert outcomes(found) == ["lost", "succeeded"]
    assert found["attempts"][1]["first_step"] > 0
    customer.wait(asking, lambda found: found["waiting_for"] == f"a train worker with the label {name}")
    cluster.hosts[name].heal()
    cluster.work(name, 0)
    assert customer.succeeded(asking)["waiting_for"] is None
