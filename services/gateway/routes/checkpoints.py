"""Checkpoints of all runs."""

from fastapi import APIRouter

from services.gateway.backends import Parts
from services.gateway.openapi import PAGES, refusals
from services.gateway.schemas.checkpoint import Checkpoint
from services.gateway.views.pagination import Cursor, Limit, Page
from services.registry.errors import DatabaseUnavailable
from services.registry.runs import checkpoints
from trm.errors import CheckpointNotFound

router = APIRouter(prefix="/v1/checkpoints", tags=["checkpoints"])


@router.get("", summary="List checkpoints, newest first", responses=refusals(*PAGES))
def list_checkpoints(parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[Checkpoint]:
    """A page of the saved states of all runs."""
    with parts.database.transaction() as session:
        page = checkpoints.page(session, parts.access, cursor=cursor, limit=limit)
    return Page.of(page, Checkpoint.of)


@router.get("/{checkpoint_id}", summary="One checkpoint", responses=refusals(CheckpointNotFound, DatabaseUnavailable))
def get_checkpoint(checkpoint_id: str, parts: Parts) -> Checkpoint:
    """A saved state, with the metrics it was saved with."""
    with parts.database.transaction() as session:
        return Checkpoint.of(checkpoints.get(session, parts.access, checkpoint_id))
