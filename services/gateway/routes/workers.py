"""Workers: who works, and at what."""

from fastapi import APIRouter

from services.gateway.backends import Parts
from services.gateway.openapi import refusals
from services.gateway.schemas.worker import Worker, Workers
from services.registry.errors import DatabaseUnavailable
from services.registry.jobs import jobs, presence, waiting

router = APIRouter(prefix="/v1/workers", tags=["queue"])


@router.get("", summary="The workers, and what they have in hand", responses=refusals(DatabaseUnavailable))
def list_workers(parts: Parts) -> Workers:
    """Every process that trains, solves or looks after the queue; also one that disappeared within the last hour."""
    with parts.database.transaction() as session:
        now, in_hand, yours = presence.now(session), waiting.in_hand(session), jobs.in_hand(session, parts.access)
        rows = presence.list_watched(session)
    return Workers(data=[Worker.of(row, now, in_hand.get(row.name, 0), yours.get(row.name, ())) for row in rows])
