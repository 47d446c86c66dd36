"""The queue: what waits, kind by kind."""

from fastapi import APIRouter

from services.gateway.backends import Parts
from services.gateway.openapi import refusals
from services.gateway.schemas.queue import Line, Queue
from services.registry.errors import DatabaseUnavailable
from services.registry.jobs import waiting

router = APIRouter(prefix="/v1/queue", tags=["queue"])


@router.get("", summary="How long the queue is, and how long it takes", responses=refusals(DatabaseUnavailable))
def get_queue(parts: Parts) -> Queue:
    """Numbers over all owners' jobs, since all stand in one line. Your own place in it is `queue_position` of a job.

    One row for each kind of job, so that it is not in pages.
    """
    with parts.database.transaction() as session:
        return Queue(data=[Line.of(line) for line in waiting.lines(session)])
