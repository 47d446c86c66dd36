"""Webhooks: messages to an owner's server when jobs end."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field

from services.gateway.schemas.base import Request, Response, examples
from services.registry.db.access_tables import WebhookEndpoint

LONGEST_URL = 2000


class WebhookEvent(StrEnum):
    """Events that a webhook can receive."""

    SUCCEEDED = "job.succeeded"
    FAILED = "job.failed"
    CANCELLED = "job.cancelled"


class WebhookRequest(Request):
    """A request for a new webhook."""

    model_config = examples({"url": "https://hooks.example.org/trm", "events": ["job.succeeded"]})

    url: str = Field(max_length=LONGEST_URL, description="A public address, https:// or http://.")
    events: list[WebhookEvent] = Field(
        default=list(WebhookEvent), min_length=1, max_length=3, description="Events to send; all if left out."
    )


class Webhook(Response):
    """A webhook."""

    id: str
    url: str
    events: list[WebhookEvent]
    disabled_at: datetime | None = Field(description="When it answered 410; no messages are sent to it since.")
    created_at: datetime
    links: dict[str, str]

    @classmethod
    def of(cls, row: WebhookEndpoint) -> Self:
        """The webhook of this row."""
        home = f"/v1/webhooks/{row.id}"
        return cls.from_row(row, links={"self": home, "deliveries": f"{home}/deliveries"})


class CreatedWebhook(Webhook):
    """A webhook, with the secret that its messages are signed with."""

    secret: str = Field(description="Check signatures with it (Standard Webhooks). Keep it: it is not shown again.")


class Delivery(Response):
    """A message to a webhook, and how far it is."""

    id: str = Field(description="`webhook-id` of the message: the same for every attempt.")
    payload: dict[str, object]
    attempt: int
    due_at: datetime | None = Field(description="Time of the next attempt; null once delivered or given up.")
    delivered_at: datetime | None
    outcome: str | None = Field(description="Result of the last attempt: an HTTP status, or why there was none.")
    created_at: datetime
