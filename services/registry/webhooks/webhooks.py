"""Webhooks: the addresses that receive a message when a job ends, and the messages, kept until delivered."""

import base64
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from services.registry.access.visibility import AccessScope, visible_to
from services.registry.db.access_tables import WebhookDelivery, WebhookEndpoint
from services.registry.db.base import Json
from services.registry.db.ids import new_id
from services.registry.db.pages import Page, newest_first
from services.registry.errors import WebhookNotFound

SECRET_BYTES = 32
MOST_ENDPOINTS = 20  # of one owner: each costs a row for each of the owner's jobs
GONE = "410"


def create(session: Session, access: AccessScope, *, url: str, events: Collection[str]) -> WebhookEndpoint:
    """Record an endpoint of the caller's owner, with a new secret."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    values = {"url": url, "events": sorted(set(events)), "secret": secret}
    row = WebhookEndpoint(id=new_id("whe"), owner=access.owner, **values)
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def count(session: Session, access: AccessScope) -> int:
    """Number of endpoints of the session's owner."""
    mine = select(func.count()).select_from(WebhookEndpoint).where(WebhookEndpoint.owner == access.owner)
    return session.scalar(mine) or 0


def get(session: Session, access: AccessScope, endpoint_id: str) -> WebhookEndpoint:
    """The endpoint; raises WebhookNotFound."""
    found = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id, visible_to(access, WebhookEndpoint))
    row = session.scalar(found)
    if row is None:
        raise WebhookNotFound(f"There is no webhook {endpoint_id[:100]!r}.")
    return row


def remove(session: Session, access: AccessScope, endpoint_id: str) -> None:
    """Forget an endpoint and its messages; raises WebhookNotFound."""
    found = WebhookEndpoint.id == get(session, access, endpoint_id).id
    session.execute(delete(WebhookEndpoint).where(found, visible_to(access, WebhookEndpoint)))


def page(session: Session, access: AccessScope, *, cursor: str | None = None, limit: int = 20) -> Page[WebhookEndpoint]:
    """A page of endpoints, newest first; raises InvalidCursor."""
    statement = select(WebhookEndpoint).where(visible_to(access, WebhookEndpoint))
    return newest_first(session, statement, WebhookEndpoint, cursor, limit)


@dataclass(frozen=True)
class DueDelivery:
    """A message to be sent now."""

    id: str
    attempt: int  # counted from 1, this one included
    url: str
    secret: str
    payload: Json


def claim_due(session: Session, limit: int, hold_seconds: float) -> list[DueDelivery]:
    """Take messages whose time has come; when the process that took them dies, they are due again after `hold_seconds`."""
    found = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.due_at <= func.now())
        .order_by(WebhookDelivery.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    message, endpoint = WebhookDelivery, WebhookEndpoint
    taken = (
        update(message)
        .where(message.id.in_(found), endpoint.id == message.endpoint_id)
        .values(attempt=message.attempt + 1, due_at=func.now() + timedelta(seconds=hold_seconds))
        .returning(message.id, message.attempt, endpoint.url, endpoint.secret, message.payload)
        .execution_options(synchronize_session=False)
    )
    return [DueDelivery(*row) for row in session.execute(taken)]


def record_arrival(session: Session, message: DueDelivery, outcome: str) -> None:
    """The endpoint has accepted the message."""
    _settle(session, message, outcome=outcome, due_at=None, delivered_at=func.now())


def record_failure(session: Session, message: DueDelivery, outcome: str, pause_seconds: float | None) -> None:
    """Record a failed delivery: try again after a pause, or never when that is None."""
    due_at = None if pause_seconds is None else func.now() + timedelta(seconds=pause_seconds)
    _settle(session, message, outcome=outcome, due_at=due_at)


def disable(session: Session, message_id: str) -> None:
    """The endpoint of this message says that it is gone: no more messages are sent to it."""
    endpoint = select(WebhookDelivery.endpoint_id).where(WebhookDelivery.id == message_id).scalar_subquery()
    ended = update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint).values(disabled_at=func.now())
    session.execute(ended.execution_options(synchronize_session=False))
    pending = WebhookDelivery.endpoint_id == endpoint, WebhookDelivery.due_at.is_not(None)
    dropped = update(WebhookDelivery).where(*pending).values(due_at=None, outcome=GONE)
    session.execute(dropped.execution_options(synchronize_session=False))


def _settle(session: Session, message: DueDelivery, **values: Any) -> None:  # noqa: ANN401 - columns
    """Write how an attempt ended, unless a later one has begun: an attempt that took too long changes nothing."""
    ours = WebhookDelivery.id == message.id, WebhookDelivery.attempt == message.attempt
    settled = update(WebhookDelivery).where(*ours).values(values)
    session.execute(settled.execution_options(synchronize_session=False))


def deliveries(
    session: Session, access: AccessScope, endpoint_id: str, *, cursor: str | None = None, limit: int = 20
) -> Page[WebhookDelivery]:
    """A page of the messages to an endpoint, newest first; raises InvalidCursor."""
    mine = (WebhookDelivery.endpoint_id == endpoint_id, visible_to(access, WebhookDelivery))
    return newest_first(session, select(WebhookDelivery).where(*mine), WebhookDelivery, cursor, limit)


def forget_settled(session: Session, days: float) -> None:
    """Remove the records of messages that were settled long ago."""
    old = WebhookDelivery.created_at < func.now() - timedelta(days=days)
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.due_at.is_(None), old))
