"""Tables of API keys, the audit log and webhooks."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.registry.db.base import Dated, Json


class ApiKey(Dated):
    """A key to the API; of its secret only the digest is kept."""

    __tablename__ = "api_keys"

    owner: Mapped[str]
    name: Mapped[str]
    secret_sha256: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]  # to the minute

    __table_args__ = (Index(None, "created_at", "id"),)


class AuditRecord(Dated):
    """Something that was done, or refused, through the API or by the operator's commands."""

    __tablename__ = "audit_log"

    owner: Mapped[str]
    caller: Mapped[str]  # an API key's id, `local` without keys, `operator` for commands
    action: Mapped[str]  # an operation's name in the OpenAPI document, or `keys create`
    object: Mapped[str | None]  # the id of what it was done to
    request_id: Mapped[str | None]
    outcome: Mapped[str]  # an HTTP status
    count: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))  # of refusals alike within a minute

    __table_args__ = (Index(None, "created_at", "id"),)


class WebhookEndpoint(Dated):
    """An owner's address that receives a message when a job ends."""

    __tablename__ = "webhook_endpoints"

    owner: Mapped[str] = mapped_column(index=True)
    url: Mapped[str]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    secret: Mapped[str]  # signs: it is needed as it is
    disabled_at: Mapped[datetime | None]  # it answered that it is gone


class WebhookDelivery(Dated):
    """One message to one endpoint: kept until it has arrived or was given up, and then as a record.

    Its id is the header `webhook-id`: the same for every attempt.
    """

    __tablename__ = "webhook_deliveries"

    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"))
    payload: Mapped[Json]
    attempt: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    due_at: Mapped[datetime | None] = mapped_column(server_default=func.now())  # None: nothing is left to do
    delivered_at: Mapped[datetime | None]
    outcome: Mapped[str | None]  # of the last attempt: an HTTP status, or why there was none

    __table_args__ = (
        Index("ix_webhook_deliveries_listed", "endpoint_id", "created_at", "id"),
        Index("ix_webhook_deliveries_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        CheckConstraint("delivered_at IS NULL OR due_at IS NULL", name="delivered_is_done"),
    )
