"""Webhooks: messages to an owner's server when jobs end."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import ConfigDict, Field

from services.gateway.schemas.base import Request, Response
from services.registry.db.access_tables import WebhookDelivery, WebhookEndpoint

LONGEST_URL = 2000


class WebhookEvent(StrEnum):
    """Events that a webhook can receive."""

    SUCCEEDED = "job.succeeded"
    FAILED = "job.failed"
    CANCELLED = "job.cancelled"


class WebhookRequest(Request):
    """A webhook to be made."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"url": "https://hooks.example.org/trm", "events": ["job.succeeded"]}]}
    )

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
        return cls.model_validate(_to_fields(row))


class CreatedWebhook(Webhook):
    """A webhook, with the secret that its messages are signed with."""

    secret: str = Field(description="Check signatures with it (Standard Webhooks). Keep it: it is not shown again.")

    @classmethod
    def of_new(cls, row: WebhookEndpoint) -> Self:
        """A webhook just made."""
        return cls.model_validate({**_to_fields(row), "secret": row.secret})


def _to_fields(row: WebhookEndpoint) -> dict[str, object]:
    home = f"/v1/webhooks/{row.id}"
    names = ("id", "url", "events", "disabled_at", "created_at")
    return {name: getattr(row, name) for name in names} | {"links": {"self": home, "deliveries": f"{home}/deliveries"}}


class Delivery(Response):
    """A message to a webhook, and how far it is."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(description="`webhook-id` of the message: the same for every attempt.")
    payload: dict[str, object]
    attempt: int
    due_at: datetime | None = Field(description="When it is tried next; null once it has arrived or was given up.")
    delivered_at: datetime | None
    outcome: str | None = Field(description="Of the last attempt: an HTTP status, or why there was none.")
    created_at: datetime

    @classmethod
    def of(cls, row: WebhookDelivery) -> Self:
        """The delivery of this row."""
        return cls.model_validate(row)


class Deliveries(Response):
    """The newest messages to a webhook."""

    data: list[Delivery]
