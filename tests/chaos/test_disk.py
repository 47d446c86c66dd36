"""Disks without room: for checkpoints, for the database, for logs."""

import time
from collections.abc import Callable

import pytest

from tests.chaos import customer as customers
from tests.chaos.customer import Customer
from tests.chaos.invariants import samples
from tests.chaos.load import under_load
from tests.chaos.stand import TRAIN, Stand
from tests.conftest import wait_until

FAILURES = ("trm_checkpoint_failures_total", "storage_full")


def failures(stand: Stand) -> float:
    return samples(stand.ports[TRAIN])[FAILURES]


def without_room(stand: Stand, disk: str, until: Callable[[], bool]) -> None:
    """Keep a disk full until something has happened; where none can be mounted, the writer is told what it would be told."""
    real = stand.disks[disk].is_real
    if not real:
        stand.arm(TRAIN, {"artifacts": "store", "scratch": "write"}[disk], "full", times=2)

    def happened() -> bool:
        if real:
            stand.disks[disk].fill()  # again: what was deleted meanwhile has made room
        return until()

    wait_until(happened, customers.PATIENCE)
    stand.disks[disk].drain()


@pytest.mark.fault(
    "disk", "full at a checkpoint, for the storage or for the trainer: the checkpoint fails, the run continues"
)
@pytest.mark.parametrize("disk", [pytest.param("artifacts", marks=[pytest.mark.quick, pytest.mark.slow]), "scratch"])
def test_a_checkpoint_finds_no_room(stand: Stand, customer: Customer, disk: str) -> None:
    job, before = customer.train(400), failures(stand)
    customer.checkpointed(job)
    without_room(stand, disk, until=lambda: failures(stand) >= before + 2)
    assert customer.succeeded(job)["attempt"] == 1


@pytest.mark.fault("disk", "full at the last checkpoint: tried again until there is room")
@pytest.mark.parametrize("disk", ["artifacts", "scratch"])
def test_the_last_checkpoint_finds_no_room(stand: Stand, customer: Customer, disk: str) -> None:
    job = customer.train(60, checkpoint_every=1000)
    customer.wait(job, lambda found: found["status"] == "running")
    without_room(stand, disk, until=lambda: customer.job(job)["attempt"] > 1)
    first, *_, last = customer.succeeded(job)["attempts"]
    assert (first["outcome"], first["error_code"], last["outcome"]) == ("retried", "storage_full", "succeeded")


@pytest.mark.fault("disk", "full under Postgres")
def test_the_database_finds_no_room(stand: Stand, customer: Customer) -> None:
    if not stand.disks["postgres"].is_real:
        pytest.skip("no small disk can be mounted here: that takes root")
    with under_load(customer):
        stand.disks["postgres"].fill()
        time.sleep(6)
        stand.disks["postgres"].drain()
        time.sleep(1)


@pytest.mark.fault("disk", "full under the logs")
def test_logs_find_no_room(stand: Stand, customer: Customer) -> None:
    if not stand.disks["logs"].is_real:
        pytest.skip("no small disk can be mounted here: that takes root")
    stand.disks["logs"].fill()
    training, solves = customer.train(100), [customer.solve() for _ in range(20)]
    for job in (training, *solves):
        assert customer.succeeded(job)["attempt"] == 1
