"""Webhooks: make, list and delete them, and see what was sent."""

from fastapi import APIRouter, Response

from services.gateway.backends import Backends, Parts
from services.gateway.openapi import refusals
from services.gateway.problems.errors import WebhookRefused, WebhooksOff, WebhooksTooMany
from services.gateway.schemas.problem import ProblemItem
from services.gateway.schemas.webhook import CreatedWebhook, Deliveries, Delivery, Webhook, WebhookRequest
from services.gateway.views.pagination import Cursor, Limit, Page
from services.registry.webhooks import webhook_address, webhooks
from services.registry.webhooks.webhook_address import AddressRefused

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


@router.post(
    "",
    status_code=201,
    operation_id="createWebhook",
    summary="Make a webhook",
    responses=refusals(
        "body_malformed",
        "body_too_large",
        "media_type_unsupported",
        "request_invalid",
        "webhooks_off",
        "webhook_refused",
        "webhooks_too_many",
        "database_unavailable",
    ),
)
def create_webhook(request: WebhookRequest, response: Response, parts: Parts) -> CreatedWebhook:
    """Messages are signed as Standard Webhooks asks, with the secret in this answer. Names are looked up at each message."""
    _require_possible(request, parts)
    with parts.database.transaction() as session:
        if webhooks.count(session) >= webhooks.MOST_ENDPOINTS:
            raise WebhooksTooMany(f"You have {webhooks.MOST_ENDPOINTS} webhooks, the most that one owner may have.")
        row = webhooks.create(session, url=request.url, events=[event.value for event in request.events])
    response.headers["Location"] = f"/v1/webhooks/{row.id}"
    response.headers["Cache-Control"] = "no-store"
    return CreatedWebhook.of_new(row)


def _require_possible(request: WebhookRequest, parts: Backends) -> None:
    if not parts.settings.webhooks:
        raise WebhooksOff("This service sends no webhooks: TRM_WEBHOOKS is not set.")
    try:
        webhook_address.parse(request.url)
    except AddressRefused as error:
        raise WebhookRefused(str(error), [ProblemItem(pointer="/url", detail=str(error))]) from error


@router.get(
    "",
    operation_id="listWebhooks",
    summary="List webhooks, newest first",
    responses=refusals("request_invalid", "cursor_invalid", "database_unavailable"),
)
def list_webhooks(parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[Webhook]:
    """A page of webhooks."""
    with parts.database.transaction() as session:
        page = webhooks.page(session, cursor=cursor, limit=limit)
    return Page.of(page, Webhook.of)


@router.get(
    "/{webhook_id}",
    operation_id="getWebhook",
    summary="One webhook",
    responses=refusals("webhook_not_found", "database_unavailable"),
)
def get_webhook(webhook_id: str, parts: Parts) -> Webhook:
    """A webhook, without its secret."""
    with parts.database.transaction() as session:
        return Webhook.of(webhooks.get(session, webhook_id))


@router.delete(
    "/{webhook_id}",
    status_code=204,
    operation_id="deleteWebhook",
    summary="Delete a webhook",
    responses=refusals("webhook_not_found", "database_unavailable"),
)
def delete_webhook(webhook_id: str, parts: Parts) -> None:
    """No more messages are sent to it, including those already waiting."""
    with parts.database.transaction() as session:
        webhooks.remove(session, webhook_id)


@router.get(
    "/{webhook_id}/deliveries",
    operation_id="listWebhookDeliveries",
    summary="The newest messages to a webhook",
    responses=refusals("webhook_not_found", "database_unavailable"),
)
def list_webhook_deliveries(webhook_id: str, parts: Parts) -> Deliveries:
    """What was sent, what it was answered, and what is tried again when."""
    with parts.database.transaction() as session:
        webhooks.get(session, webhook_id)
        rows = webhooks.deliveries(session, webhook_id)
    return Deliveries(data=[Delivery.of(row) for row in rows])
