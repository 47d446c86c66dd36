"""Who owns what: the one place that narrows queries to what a caller may see."""

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.orm.util import LoaderCriteriaOption

from services.registry.db.access_tables import WebhookEndpoint
from services.registry.db.ids import LOCAL_OWNER
from services.registry.db.tables import Checkpoint, Dataset, Job, JobAttempt, JobEvent, Run, RunEvaluation, Solution

SIGHT = "sight"
MOST_OWNERS = 1024
OWNED = (Dataset, Job, Run, WebhookEndpoint)
OF_JOBS = (JobAttempt, JobEvent, Solution)
OF_RUNS = (Checkpoint, RunEvaluation)  # metrics are read only after their run was found, by queries of their own kind


@dataclass(frozen=True)
class Sight:
    """In whose name rows are made, and whether only this owner's are seen."""

    owner: str
    sees_all: bool


EVERYTHING = Sight(LOCAL_OWNER, sees_all=True)  # the service's own parts, and callers that need no key


def of(session: Session) -> str:
    """In whose name this session makes rows."""
    sight: Sight = session.info.get(SIGHT, EVERYTHING)
    return sight.owner


def filter_by_sight(execution: ORMExecuteState) -> None:
    """Have a query find only what its session may see; others' rows are as if they did not exist."""
    sight: Sight = execution.session.info.get(SIGHT, EVERYTHING)
    if not sight.sees_all and not execution.is_column_load and not execution.is_relationship_load:
        execution.statement = execution.statement.options(*_criteria(sight.owner))


@lru_cache(MOST_OWNERS)  # made again they would cost more than a short query
def _criteria(owner: str) -> list[LoaderCriteriaOption]:
    own_jobs = select(Job.id).where(Job.owner == owner)
    own_runs = select(Run.id).where(Run.owner == owner)
    conditions = [
        *((table, table.owner == owner) for table in OWNED),
        *((table, table.job_id.in_(own_jobs)) for table in OF_JOBS),
        *((table, table.run_id.in_(own_runs)) for table in OF_RUNS),
    ]
    return [with_loader_criteria(table, condition, include_aliases=True) for table, condition in conditions]
