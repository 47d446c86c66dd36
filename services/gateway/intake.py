"""Takes jobs in: what is asked for at the same time is committed together, and announced afterwards."""

import asyncio
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

from services.gateway.announcer import Announcer
from services.gateway.batches import Batches
from services.registry import submissions
from services.registry.database import Database
from services.registry.errors import DatabaseUnavailable
from services.registry.ids import LOCAL_OWNER
from services.registry.metrics import GatewayMetrics
from services.registry.submissions import Submission
from services.registry.tables import Job
from trm.errors import StorageFull

MOST_AT_ONCE = 100


@dataclass(frozen=True)
class Waiting:
    """A submission, and who waits for it."""

    submission: Submission
    job: asyncio.Future[Job]


class Intake:
    """One thread that commits for all requests: a commit waits for the disk, and many can share one."""

    def __init__(self, database: Database, announcer: Announcer, metrics: GatewayMetrics) -> None:
        self._database, self._announcer, self._metrics = database, announcer, metrics
        self._batches = Batches[Waiting]("intake", self._take, MOST_AT_ONCE)
        self.start, self.close = self._batches.start, self._batches.close
        self._owner = LOCAL_OWNER

    def on_behalf_of(self, owner: str) -> "Intake":
        """The same intake, which takes everything in in this owner's name."""
        view = copy(self)
        view._owner = owner
        return view

    async def submit(self, submission: Submission) -> Job:
        """The job as it is recorded; raises DatabaseUnavailable or StorageFull, and then there is no job."""
        job: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        self._batches.put(Waiting(submission.owned_by(self._owner), job))
        return await job

    def _take(self, batch: Sequence[Waiting]) -> None:
        try:
            with self._database.transaction() as session:
                rows = submissions.record(session, [waiting.submission for waiting in batch])
        except Exception as error:
            self._refuse(batch, error)
            return
        batch[0].job.get_loop().call_soon_threadsafe(_answer, batch, rows)
        for row in rows:
            self._metrics.jobs_submitted.labels(row.kind.value).inc()
            self._announcer.tell(row)

    def _refuse(self, batch: Sequence[Waiting], error: Exception) -> None:
        """One that the database does not take must not cost the others their place."""
        if len(batch) == 1 or isinstance(error, DatabaseUnavailable | StorageFull):
            batch[0].job.get_loop().call_soon_threadsafe(_answer, batch, [error] * len(batch))
            return
        for waiting in batch:
            self._take([waiting])


def _answer(batch: Sequence[Waiting], answers: Sequence[Job | Exception]) -> None:
    for waiting, answer in zip(batch, answers, strict=True):
        if waiting.job.cancelled():
            continue  # whoever asked has left
        if isinstance(answer, Exception):
            waiting.job.set_exception(answer)
        else:
            waiting.job.set_result(answer)
