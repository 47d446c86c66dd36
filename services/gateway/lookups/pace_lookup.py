"""What the estimate of a training rests on: read from the database once a second, since a sweep submits hundreds at once."""

import time
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock

from services.registry.access.visibility import AccessScope
from services.registry.db.database import Database
from services.registry.db.operations_tables import WorkerProcess
from services.registry.jobs.requirements import Requirements
from services.registry.runs import paces
from services.registry.runs.paces import Measured

MOST_REMEMBERED = 100
Paces = tuple[Sequence[Measured], Sequence[WorkerProcess]]


class PaceLookup:
    """The paces of the latest runs and the workers at hand, at most a second old."""

    def __init__(self, database: Database) -> None:
        self._database, self._lock = database, Lock()
        self._recall = lru_cache(MOST_REMEMBERED)(self._read)

    def find(self, access: AccessScope, requirements: Requirements) -> Paces:
        """What this caller's runs took, and the training workers that fit; raises DatabaseUnavailable."""
        with self._lock:  # one request reads, the others wait for what it finds
            return self._recall(access, requirements, int(time.monotonic()))

    def _read(self, access: AccessScope, requirements: Requirements, _second: int) -> Paces:
        with self._database.transaction() as session:
            return paces.latest(session, access), paces.training_workers(session, requirements)
