"""Locks of the database that no row stands for: who must not work at the same time as whom."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.registry.db.database import Database, typed_errors

POLL_SECONDS = 0.1


class Lock(IntEnum):
    """What is locked; the numbers are any that no other program uses."""

    SCHEMA = 0x74726D_6D696772  # held by who migrates it, or copies all of it
    DELETION = 0x74726D_64656C65  # of artifacts: shared by those who delete, held alone by who copies them


@contextmanager
def held(database: Database, lock: Lock, seconds: float) -> Iterator[bool]:
    """Hold a lock alone for the block, outside of any transaction; False when others kept it for so many seconds.

    Raises DatabaseUnavailable at the end when the connection, and with it the lock, was lost meanwhile.
    """
    deadline = time.monotonic() + seconds
    with typed_errors(), database.engine.connect() as pooled:
        connection = pooled.execution_options(isolation_level="AUTOCOMMIT")
        while not (taken := bool(connection.scalar(select(func.pg_try_advisory_lock(lock.value))))):
            if time.monotonic() >= deadline:
                break
            time.sleep(POLL_SECONDS)
        try:
            yield taken
        finally:
            if taken:
                connection.execute(select(func.pg_advisory_unlock(lock.value)))


def take(session: Session, lock: Lock) -> None:
    """Hold a lock alone until the transaction ends; who holds it is waited for."""
    session.execute(select(func.pg_advisory_xact_lock(lock.value)))


def share(session: Session, lock: Lock) -> bool:
    """Hold a lock together with others until the transaction ends; False when another session holds it alone."""
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock_shared(lock.value))))
