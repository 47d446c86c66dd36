"""Webhooks: make, list and delete them, and see what was sent."""

from fastapi import APIRouter, Response

from services.gateway.backends import Parts
from services.gateway.openapi import JSON_BODY, PAGES, refusals
from services.gateway.problems.errors import WebhooksOff, WebhooksTooMany, at_fault
from services.gateway.schemas.webhook import CreatedWebhook, Delivery, Webhook, WebhookRequest
from services.gateway.views.pagination import Cursor, Limit, Page
from services.registry.errors import DatabaseUnavailable, WebhookNotFound, WebhookRefused
from services.registry.webhooks import webhook_address, webhooks

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


@router.post(
    "",
    status_code=201,
    summary="Make a webhook",
    responses=refusals(*JSON_BODY, WebhooksOff, WebhookRefused, WebhooksTooMany, DatabaseUnavailable),
)
def create_webhook(request: WebhookRequest, response: Response, parts: Parts) -> CreatedWebhook:
    """Messages are signed as Standard Webhooks asks, with the secret in this answer. Host names are resolved for each message."""
    if not parts.settings.webhooks:
        raise WebhooksOff("This service sends no webhooks: TRM_WEBHOOKS is not set.")
    with at_fault("url"):
        webhook_address.parse(request.url)
    with parts.database.transaction() as session:
        if webhooks.count(session, parts.access) >= webhooks.MOST_ENDPOINTS:
            raise WebhooksTooMany(f"You have {webhooks.MOST_ENDPOINTS} webhooks, the most that one owner may have.")
        row = webhooks.create(session, parts.access, url=request.url, events=[event.value for event in request.events])
    response.headers["Location"] = f"/v1/webhooks/{row.id}"
    response.headers["Cache-Control"] = "no-store"
    return CreatedWebhook.of(row)


@router.get("", summary="List webhooks, newest first", responses=refusals(*PAGES))
def list_webhooks(parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[Webhook]:
    """A page of webhooks."""
    return Page.of(parts.records.ask(webhooks.page, cursor=cursor, limit=limit), Webhook.of)


@router.get("/{webhook_id}", summary="One webhook", responses=refusals(WebhookNotFound, DatabaseUnavailable))
def get_webhook(webhook_id: str, parts: Parts) -> Webhook:
    """A webhook, without its secret."""
    return Webhook.of(parts.records.ask(webhooks.get, webhook_id))


@router.delete(
    "/{webhook_id}",
    status_code=204,
    summary="Delete a webhook",
    responses=refusals(WebhookNotFound, DatabaseUnavailable),
)
def delete_webhook(webhook_id: str, parts: Parts) -> None:
    """No more messages are sent to it, including those already waiting."""
    parts.records.ask(webhooks.remove, webhook_id)


@router.get(
    "/{webhook_id}/deliveries",
    summary="The messages to a webhook, newest first",
    responses=refusals(*PAGES, WebhookNotFound),
)
def list_webhook_deliveries(webhook_id: str, parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[Delivery]:
    """A page of messages sent, their responses, and scheduled retries."""
    with parts.database.transaction() as session:
        webhooks.get(session, parts.access, webhook_id)
        page = webhooks.deliveries(session, parts.access, webhook_id, cursor=cursor, limit=limit)
    return Page.of(page, Delivery.from_row)
