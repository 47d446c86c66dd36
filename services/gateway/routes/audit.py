"""The audit log; for admins."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.gateway.backends import Parts
from services.gateway.openapi import refusals
from services.gateway.schemas.audit import AuditRecord
from services.gateway.views.pagination import Cursor, Limit, Page
from services.registry.access import audit
from services.registry.access.api_keys import OWNER

router = APIRouter(prefix="/v1/audit", tags=["access"])
Owner = Annotated[str | None, Query(pattern=f"^{OWNER}$", description="Only requests by this owner's keys.")]


@router.get(
    "",
    operation_id="listAuditRecords",
    summary="List audit records, newest first",
    responses=refusals("request_invalid", "cursor_invalid", "database_unavailable"),
)
def list_audit_records(
    parts: Parts, cursor: Cursor = None, limit: Limit = 20, owner: Owner = None
) -> Page[AuditRecord]:
    """Every request that could change something, those refused for want of a scope included."""
    with parts.database.transaction() as session:
        page = audit.page(session, owner=owner, cursor=cursor, limit=limit)
    return Page.of(page, AuditRecord.of)
