"""Webhook messages about a job's end: rows made in the transaction that ends the job, so that both are recorded or neither is."""

from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from services.registry.db.access_tables import WebhookDelivery, WebhookEndpoint
from services.registry.db.base import Json
from services.registry.db.ids import new_id
from services.registry.db.tables import Job


def announce_end(session: Session, job: Job) -> None:
    """Record a message for every endpoint of the job's owner that subscribes to this event."""
    event = f"job.{job.status.value}"
    wanted = WebhookEndpoint.owner == job.owner, WebhookEndpoint.events.contains([event])
    asked = select(WebhookEndpoint.id, func.now()).where(*wanted, WebhookEndpoint.disabled_at.is_(None))
    rows = [
        {"id": new_id("whd"), "endpoint_id": endpoint_id, "payload": _make_payload(event, job, now)}
        for endpoint_id, now in session.execute(asked)
    ]
    if rows:
        session.execute(insert(WebhookDelivery), rows)


def _make_payload(event: str, job: Job, now: datetime) -> Json:
    """Minimal: which job, and how it ended; the rest is read through the API with a key."""
    data = {
        "id": job.id,
        "kind": job.kind.value,
        "status": job.status.value,
        "run_id": job.run_id,
        "error_code": job.error_code,
        "links": {"self": f"/v1/jobs/{job.id}"},
    }
    return {"type": event, "timestamp": now.isoformat(), "data": data}
