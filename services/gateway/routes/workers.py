"""Workers: who works, and at what."""

from fastapi import APIRouter

from services.gateway.backends import Parts
from services.gateway.openapi import PAGES, refusals
from services.gateway.schemas.worker import Worker
from services.gateway.views.pagination import Cursor, Limit, Page
from services.registry.access.visibility import EVERYTHING
from services.registry.jobs import jobs, presence

router = APIRouter(prefix="/v1/workers", tags=["queue"])


@router.get("", summary="The workers by name, and what they have in hand", responses=refusals(*PAGES))
def list_workers(parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[Worker]:
    """A page of the processes that train, solve or look after the queue, and of those that disappeared within the last hour."""
    with parts.database.transaction() as session:
        now, page = presence.now(session), presence.page(session, cursor=cursor, limit=limit)
        all_jobs, yours = (jobs.in_hand(session, access) for access in (EVERYTHING, parts.access))
    return Page.of(page, lambda row: Worker.of(row, now, len(all_jobs.get(row.name, ())), yours.get(row.name, ())))
