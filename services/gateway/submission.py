"""Puts jobs into the queue: the row first, then the message."""

from collections.abc import Callable

import structlog
from sqlalchemy.orm import Session

from services.gateway.backends import Backends
from services.registry import queue, rescue, tables
from services.registry.errors import BrokerUnavailable, DatabaseUnavailable
from services.registry.states import JobKind

log = structlog.get_logger()


def submit(parts: Backends, kind: JobKind, insert: Callable[[Session], tables.Job]) -> tables.Job:
    """Insert a job and announce it; raises BrokerUnavailable or DatabaseUnavailable, and then there is no job.

    A broker that fails only after the row is committed costs time, not the job: the reaper announces it later.
    """
    queue.ping_broker(parts.queue)
    with parts.database.transaction() as session:
        job = insert(session)
        session.refresh(job)
    parts.metrics.jobs_submitted.labels(kind.value).inc()
    try:
        queue.publish(parts.queue, kind, job.id)
        with parts.database.transaction() as session:
            rescue.mark_published(session, [job.id])
    except (BrokerUnavailable, DatabaseUnavailable) as error:
        log.warning("job.announcement_failed", job_id=job.id, reason=str(error))
    return job
