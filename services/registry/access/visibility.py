"""Which rows a caller may see: the condition that belongs in every query made on a caller's behalf."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import InstrumentedAttribute

from services.registry.db.access_tables import ApiKey, AuditRecord, WebhookDelivery, WebhookEndpoint
from services.registry.db.base import Base
from services.registry.db.ids import LOCAL_OWNER
from services.registry.db.tables import (
    Checkpoint,
    Dataset,
    IdempotencyKey,
    Job,
    JobAttempt,
    JobEvent,
    JobLine,
    KeptCarry,
    ModelVersion,
    Run,
    RunEvaluation,
    RunMetric,
    Solution,
)

Column = InstrumentedAttribute[str]


@dataclass(frozen=True)
class AccessScope:
    """In whose name a caller makes rows, and whether it sees only this owner's."""

    owner: str
    sees_all: bool = False


EVERYTHING = AccessScope(LOCAL_OWNER, sees_all=True)  # for the service's own parts, and for callers that need no key

OWNERS: dict[type[Base], Column] = {
    table: table.owner
    for table in (ApiKey, AuditRecord, Dataset, IdempotencyKey, Job, ModelVersion, Run, WebhookEndpoint)
}
OF_JOBS, OF_RUNS, OF_WEBHOOKS = ((Job.id, Job.owner), (Run.id, Run.owner), (WebhookEndpoint.id, WebhookEndpoint.owner))
PARENTS: dict[type[Base], tuple[Column, tuple[Column, Column]]] = {  # rows that belong to the owner of another row
    JobAttempt: (JobAttempt.job_id, OF_JOBS),
    JobEvent: (JobEvent.job_id, OF_JOBS),
    JobLine: (JobLine.job_id, OF_JOBS),
    Solution: (Solution.job_id, OF_JOBS),
    KeptCarry: (KeptCarry.job_id, OF_JOBS),
    Checkpoint: (Checkpoint.run_id, OF_RUNS),
    RunEvaluation: (RunEvaluation.run_id, OF_RUNS),
    RunMetric: (RunMetric.run_id, OF_RUNS),
    WebhookDelivery: (WebhookDelivery.endpoint_id, OF_WEBHOOKS),
}


def visible_to(access: AccessScope, table: type[Base]) -> ColumnElement[bool]:
    """Whether a row of the table may be seen; others are as if they did not exist."""
    if access.sees_all:
        return true()
    if table in OWNERS:
        return OWNERS[table] == access.owner
    key, (parent_id, owner) = PARENTS[table]
    return key.in_(select(parent_id).where(owner == access.owner))
