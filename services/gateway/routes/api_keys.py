"""API keys: create, list and revoke them; for admins."""

from datetime import timedelta

from fastapi import APIRouter, Response

from services.gateway.backends import Parts
from services.gateway.openapi import JSON_BODY, PAGES, refusals
from services.gateway.schemas.api_key import ApiKey, ApiKeyRequest, CreatedApiKey
from services.gateway.views.pagination import Cursor, Limit, Page
from services.registry.access import api_keys
from services.registry.errors import ApiKeyNotFound, DatabaseUnavailable

router = APIRouter(prefix="/v1/api-keys", tags=["access"])


@router.post("", status_code=201, summary="Make an API key", responses=refusals(*JSON_BODY, DatabaseUnavailable))
def create_api_key(request: ApiKeyRequest, response: Response, parts: Parts) -> CreatedApiKey:
    """The key itself is in this answer and nowhere else: only a digest of its secret is kept."""
    days = request.expires_in_days
    lifetime = None if days is None else timedelta(days=days)
    with parts.database.transaction() as session:
        made = api_keys.create(
            session, owner=request.owner, name=request.name, scopes=request.scopes, lifetime=lifetime
        )
    response.headers["Location"] = f"/v1/api-keys/{made.row.id}"
    response.headers["Cache-Control"] = "no-store"
    return CreatedApiKey.from_row(made.row, key=made.token)


@router.get("", summary="List API keys, newest first", responses=refusals(*PAGES))
def list_api_keys(parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[ApiKey]:
    """A page of all owners' keys, revoked ones included."""
    with parts.database.transaction() as session:
        page = api_keys.page(session, cursor=cursor, limit=limit)
    return Page.of(page, ApiKey.from_row)


@router.get("/{key_id}", summary="One API key", responses=refusals(ApiKeyNotFound, DatabaseUnavailable))
def get_api_key(key_id: str, parts: Parts) -> ApiKey:
    """A key, without its secret."""
    with parts.database.transaction() as session:
        return ApiKey.from_row(api_keys.get(session, key_id))


@router.delete("/{key_id}", summary="Withdraw an API key", responses=refusals(ApiKeyNotFound, DatabaseUnavailable))
def revoke_api_key(key_id: str, parts: Parts) -> ApiKey:
    """The key stops working at once on this gateway and within seconds on others; the record stays."""
    with parts.database.transaction() as session:
        key = ApiKey.from_row(api_keys.revoke(session, key_id))
    parts.keys.forget()
    return key
