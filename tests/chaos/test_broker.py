"""A broker that goes away, forgets, hangs or is full, while jobs are asked for."""

import shutil
import signal
import time
from collections.abc import Callable

import pytest
import redis

from services.stack import broker
from tests.chaos.customer import Customer
from tests.chaos.load import under_load
from tests.chaos.stand import Stand


def command(stand: Stand, *words: object) -> None:
    with redis.Redis(unix_socket_path=str(stand.sockets / broker.SOCKET)) as client:
        client.execute_command(*words)


def restart(stand: Stand) -> None:
    stand.down("broker", signal.SIGTERM)
    stand.up("broker")


def forget(stand: Stand) -> None:
    stand.down("broker")
    shutil.rmtree(stand.data / "broker")
    stand.up("broker")


def stay_away(stand: Stand) -> None:
    stand.down("broker")
    time.sleep(10)
    stand.up("broker")


def freeze(stand: Stand) -> None:
    stand.freeze("broker")
    time.sleep(5)
    stand.thaw("broker")


def fall_silent(stand: Stand) -> None:
    stand.wires["broker"].silence()
    time.sleep(5)
    stand.wires["broker"].mend()


def fill_up(stand: Stand) -> None:
    command(stand, "CONFIG", "SET", "maxmemory", 1)
    time.sleep(4)
    command(stand, "CONFIG", "SET", "maxmemory", 0)


FAULTS: dict[str, Callable[[Stand], None]] = {
    "FLUSHALL": lambda stand: command(stand, "FLUSHALL"),
    "kill -9": lambda stand: stand.kill("broker"),
    "restart": restart,
    "restart with everything forgotten": forget,
    "down for 10 s": stay_away,
    "CLIENT PAUSE for 5 s": lambda stand: command(stand, "CLIENT", "PAUSE", 5000, "ALL"),
    "SIGSTOP for 5 s": freeze,
    "silent for 5 s": fall_silent,
    "connections cut": lambda stand: stand.wires["broker"].cut(),
    "connections half open": lambda stand: stand.wires["broker"].lose(),
    "no memory left for 4 s": fill_up,
}
QUICK = ("FLUSHALL", "kill -9")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[pytest.mark.fault("broker", f"{name}, under load")]
            + ([pytest.mark.quick, pytest.mark.slow] if name in QUICK else []),
        )
        for name in FAULTS
    ],
)
def test_the_broker_under_load(stand: Stand, customer: Customer, name: str) -> None:
    with under_load(customer):
        time.sleep(1)
        FAULTS[name](stand)
        time.sleep(1)
