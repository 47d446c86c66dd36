"""A database that goes away, refuses, hangs or is full, while jobs are asked for."""

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

import psycopg
import pytest

from services.stack import postgres
from tests.chaos.customer import Customer
from tests.chaos.load import under_load
from tests.chaos.processes import LEASE_SECONDS
from tests.chaos.stand import Stand


def connected(stand: Stand) -> psycopg.Connection:
    return psycopg.connect(
        host=str(stand.sockets), user=postgres.DATABASE_USER, dbname=postgres.DATABASE, autocommit=True
    )


def say(stand: Stand, *statements: str) -> None:
    with connected(stand) as connection:
        for statement in statements:
            connection.execute(statement)


def restart(stand: Stand) -> None:
    stand.down("postgres", signal.SIGINT)
    stand.up("postgres")


def stay_away(stand: Stand) -> None:
    stand.down("postgres", signal.SIGINT)
    time.sleep(2 * LEASE_SECONDS)
    stand.up("postgres")


def terminate(stand: Stand) -> None:
    for _ in range(5):
        say(
            stand,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
        )
        time.sleep(0.3)


def take_every_connection(stand: Stand) -> None:
    ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'trm'"
    with ExitStack() as stack:
        first = stack.enter_context(connected(stand))
        for _ in range(3):  # whatever the service gives back is taken too
            with suppress(psycopg.OperationalError):
                while True:
                    stack.enter_context(connected(stand))
            first.execute(ours)
        time.sleep(4)


def be_read_only(stand: Stand) -> None:
    say(stand, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
    time.sleep(4)
    say(
        stand,
        "SET default_transaction_read_only = off",
        "ALTER SYSTEM RESET default_transaction_read_only",
        "SELECT pg_reload_conf()",
    )


def lock_the_jobs(stand: Stand) -> None:
    with connected(stand) as connection, connection.transaction():
        connection.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
        time.sleep(2 * LEASE_SECONDS)


def fall_silent(stand: Stand) -> None:
    stand.wires["postgres"].silence()
    time.sleep(2 * LEASE_SECONDS)
    stand.wires["postgres"].mend()


FAULTS: dict[str, Callable[[Stand], None]] = {
    "restart": restart,
    "kill -9": lambda stand: stand.kill("postgres"),
    "down for two leases": stay_away,
    "every connection terminated, five times": terminate,
    "every connection taken by another client for 4 s": take_every_connection,
    "read-only for 4 s": be_read_only,
    "the table of jobs locked for two leases": lock_the_jobs,
    "silent for two leases": fall_silent,
    "connections cut": lambda stand: stand.wires["postgres"].cut(),
}
QUICK = ("restart",)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[pytest.mark.fault("database", f"{name}, under load")]
            + ([pytest.mark.quick, pytest.mark.slow] if name in QUICK else []),
        )
        for name in FAULTS
    ],
)
def test_the_database_under_load(stand: Stand, customer: Customer, name: str) -> None:
    with under_load(customer):
        time.sleep(1)
        FAULTS[name](stand)
        time.sleep(1)
