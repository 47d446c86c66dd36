"""API keys: create, list and revoke them; for admins."""

from datetime import timedelta

from fastapi import APIRouter, Response

from services.gateway.backends import Parts
from services.gateway.openapi import refusals
from services.gateway.schemas.api_key import ApiKey, ApiKeyRequest, CreatedApiKey
from services.gateway.views.pagination import Cursor, Limit, Page
from services.registry.access import api_keys

router = APIRouter(prefix="/v1/api-keys", tags=["access"])


@router.post(
    "",
    status_code=201,
    operation_id="createApiKey",
    summary="Make an API key",
    responses=refusals(
        "body_malformed", "body_too_large", "media_type_unsupported", "request_invalid", "database_unavailable"
    ),
)
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
    return CreatedApiKey.of_new(made)


@router.get(
    "",
    operation_id="listApiKeys",
    summary="List API keys, newest first",
    responses=refusals("request_invalid", "cursor_invalid", "database_unavailable"),
)
def list_api_keys(parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[ApiKey]:
    """A page of all owners' keys, revoked ones included."""
    with parts.database.transaction() as session:
        page = api_keys.page(session, cursor=cursor, limit=limit)
    return Page.of(page, ApiKey.of)


@router.get(
    "/{key_id}",
    operation_id="getApiKey",
    summary="One API key",
    responses=refusals("api_key_not_found", "database_unavailable"),
)
def get_api_key(key_id: str, parts: Parts) -> ApiKey:
    """A key, without its secret."""
    with parts.database.transaction() as session:
        return ApiKey.of(api_keys.get(session, key_id))


@router.delete(
    "/{key_id}",
    operation_id="revokeApiKey",
    summary="Withdraw an API key",
    responses=refusals("api_key_not_found", "database_unavailable"),
)
def revoke_api_key(key_id: str, parts: Parts) -> ApiKey:
    """The key stops working at once on this gateway and within seconds on others; the record stays."""
    with parts.database.transaction() as session:
        key = ApiKey.of(api_keys.revoke(session, key_id))
    parts.keys.forget()
    return key
