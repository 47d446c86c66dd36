"""Random faults under load for some minutes; a seed gives the same faults in the same order."""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos import conftest, invariants, test_broker, test_database
from tests.chaos.conftest import bring_to_end
from tests.chaos.customer import Customer
from tests.chaos.processes import LEASE_SECONDS
from tests.chaos.report import Soak
from tests.chaos.stand import PYTHON_PARTS, SOLVE, TRAIN, Stand

SEED = int(os.environ.get("SOAK_SEED", "20261125"))
MINUTES = float(os.environ.get("SOAK_MINUTES", "0.4"))
CLIENTS = 4
PAUSE_SECONDS = (0.5, 2.0)  # between two faults
TRAININGS = 0.01  # share of the jobs: each takes seconds to start
MOVED = 0.1  # share of the jobs that are paused or cancelled

Fault = Callable[[Stand, random.Random], None]


def freeze(name: str) -> Fault:
    def act(stand: Stand, draw: random.Random) -> None:
        stand.freeze(name)
        time.sleep(draw.uniform(0.5, 2 * LEASE_SECONDS))
        stand.thaw(name)

    return act


def kill(name: str) -> Fault:
    return lambda stand, _: stand.kill(name)


def stop(name: str) -> Fault:
    return lambda stand, _: stand.stop(name)


def strike(part: str, point: str, what: str = "kill") -> Fault:
    def act(stand: Stand, draw: random.Random) -> None:
        stand.arm(part, point, what, after=draw.random() < 0.5, calls=draw.randrange(8))

    return act


def server(act: Callable[[Stand], None]) -> Fault:
    return lambda stand, _: act(stand)


def fill(disk: str) -> Fault:
    def act(stand: Stand, draw: random.Random) -> None:
        if stand.disks[disk].is_real:
            stand.disks[disk].fill()
            time.sleep(draw.uniform(0.5, 3))
            stand.disks[disk].drain()

    return act


FAULTS: dict[str, Fault] = {
    **{f"kill {name}": kill(name) for name in (*PYTHON_PARTS, "broker", "postgres")},
    **{f"stop {name}": stop(name) for name in PYTHON_PARTS},
    **{f"freeze {name}": freeze(name) for name in (*PYTHON_PARTS, "broker")},
    **{f"gateway dies at {point}": strike("gateway", point) for point in ("record", "answer", "publish", "mark")},
    **{f"{SOLVE} dies at {point}": strike(SOLVE, point) for point in ("claim", "solutions", "finish")},
    **{f"{TRAIN} dies at {point}": strike(TRAIN, point) for point in ("claim", "store", "checkpoint", "finish")},
    **{f"trainer dies at {point}": strike(TRAIN, point) for point in ("update", "write")},
    **{f"reaper dies at {point}": strike("reaper", point) for point in ("publish", "mark")},
    **{
        f"broker {name}": server(act)
        for name, act in test_broker.FAULTS.items()
        if name not in ("down for 10 s", "connections half open")
    },
    **{f"database {name}": server(act) for name, act in test_database.FAULTS.items()},
    **{f"{disk} full": fill(disk) for disk in ("artifacts", "scratch", "postgres", "logs")},
}


@pytest.mark.timeout(0)
@pytest.mark.fault("anything", "random faults under load")
def test_soak(stand: Stand, customer: Customer) -> None:
    draw, begun, faults = random.Random(SEED), time.monotonic(), Counter[str]()
    print(f"soak with seed {SEED} for {MINUTES:g} minutes; again: make soak MINUTES={MINUTES:g} SEED={SEED}")
    done = threading.Event()
    customer.patience = 180
    with ThreadPoolExecutor(CLIENTS) as pool:
        asking = [pool.submit(_ask, customer, done, random.Random(SEED + number)) for number in range(CLIENTS)]
        try:
            while time.monotonic() < begun + 60 * MINUTES:
                name = draw.choice(sorted(FAULTS))
                print(f"{time.monotonic() - begun:7.1f} s  {name}", flush=True)
                FAULTS[name](stand, draw)
                faults[name] += 1
                time.sleep(draw.uniform(*PAUSE_SECONDS))
        finally:
            stand.heal()
            done.set()
        for one in asking:
            one.result()
    bring_to_end(stand, customer)
    found = invariants.settled(stand, customer.since, customer.accepted)
    conftest.soaks.append(_soak(stand, customer, faults, time.monotonic() - begun))
    print(conftest.soaks[-1])
    assert not found, "\n".join(found)


def _ask(customer: Customer, done: threading.Event, draw: random.Random) -> None:
    """One customer: mostly small solve jobs, now and then a training, some of them moved about."""
    while not done.wait(draw.uniform(0, 0.4)):
        job = (
            customer.train(draw.randrange(20, 200))
            if draw.random() < TRAININGS
            else customer.solve(draw.randrange(1, 30))
        )
        if draw.random() < MOVED:
            verbs = draw.choice([("pause", "resume"), ("cancel",), ("pause", "cancel"), ("cancel", "retry")])
            if "cancel" in verbs:
                customer.broken.add(job)
            for verb in verbs:
                time.sleep(draw.uniform(0, 0.3))
                customer.move(job, verb)


def _soak(stand: Stand, customer: Customer, faults: Counter[str], seconds: float) -> Soak:
    with stand.database.transaction() as session:
        scene = invariants.Scene(stand, session, customer.since, customer.accepted)
        kinds, ends = (Counter(getattr(job, name).value for job in scene.jobs) for name in ("kind", "status"))
        lost, doubled = (len(list(look(scene))) for look in (invariants.lost, invariants.doubled))
    return Soak(SEED, MINUTES, dict(kinds), dict(ends), dict(faults), lost, doubled, round(seconds, 1))
