"""Accepts jobs: submissions that arrive together share one commit, and are announced afterwards."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from services.gateway.intake.announcer import Announcer
from services.gateway.intake.batches import Batches
from services.gateway.views.answers import render_created
from services.registry.db.database import Database
from services.registry.db.tables import Job
from services.registry.errors import DatabaseUnavailable
from services.registry.metrics.metrics import GatewayMetrics
from services.registry.submissions import submissions
from services.registry.submissions.backlog import Caps
from services.registry.submissions.submissions import Submission
from trm.errors import StorageFull

MOST_AT_ONCE = 100


@dataclass(frozen=True)
class PendingSubmission:
    """A submission, and who waits for it."""

    submission: Submission
    job: asyncio.Future[Job]


class Intake:
    """One thread that commits for all requests: a commit waits for the disk, and many can share one."""

    def __init__(self, database: Database, announcer: Announcer, metrics: GatewayMetrics, caps: Caps) -> None:
        self._database, self._announcer, self._metrics, self._caps = database, announcer, metrics, caps
        self._batches = Batches[PendingSubmission]("intake", self._take, MOST_AT_ONCE)
        self.start, self.close = self._batches.start, self._batches.close

    async def submit(self, submission: Submission) -> Job:
        """The job as it is recorded; raises QueueFull, KeyTaken, CheckpointNotFound, DatabaseUnavailable..., and then there is none."""
        job: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        self._batches.put(PendingSubmission(submission, job))
        return await job

    def _take(self, batch: Sequence[PendingSubmission]) -> None:
        try:
            with self._database.transaction() as session:
                asked = [waiting.submission for waiting in batch]
                rows = submissions.record(session, asked, self._caps, render_created)
        except Exception as error:
            self._refuse(batch, error)
            return
        batch[0].job.get_loop().call_soon_threadsafe(_answer, batch, rows)
        for row in rows:
            if isinstance(row, Exception):
                continue
            self._metrics.jobs_submitted.labels(row.kind.value).inc()
            self._announcer.tell(row)

    def _refuse(self, batch: Sequence[PendingSubmission], error: Exception) -> None:
        """One row that the database rejects must not make the others fail."""
        if len(batch) == 1 or isinstance(error, DatabaseUnavailable | StorageFull):
            batch[0].job.get_loop().call_soon_threadsafe(_answer, batch, [error] * len(batch))
            return
        for waiting in batch:
            self._take([waiting])


def _answer(batch: Sequence[PendingSubmission], answers: Sequence[Job | Exception]) -> None:
    for waiting, answer in zip(batch, answers, strict=True):
        if waiting.job.cancelled():
            continue  # the client that asked has left
        if isinstance(answer, Exception):
            waiting.job.set_exception(answer)
        else:
            waiting.job.set_result(answer)
