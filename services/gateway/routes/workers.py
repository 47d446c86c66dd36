"""Workers: who works, and at what."""

from fastapi import APIRouter

from services.gateway.backends import Parts
from services.gateway.openapi import refusals
from services.gateway.schemas.worker import Worker, Workers
from services.registry.access.visibility import EVERYTHING
from services.registry.errors import DatabaseUnavailable
from services.registry.jobs import jobs, presence

router = APIRouter(prefix="/v1/workers", tags=["queue"])


@router.get("", summary="The workers, and what they have in hand", responses=refusals(DatabaseUnavailable))
def list_workers(parts: Parts) -> Workers:
    """Every process that trains, solves or looks after the queue; also one that disappeared within the last hour."""
    with parts.database.transaction() as session:
        now, rows = presence.now(session), presence.list_watched(session)
        all_jobs, yours = (jobs.in_hand(session, access) for access in (EVERYTHING, parts.access))
    return Workers(data=[Worker.of(row, now, len(all_jobs.get(row.name, ())), yours.get(row.name, ())) for row in rows])
