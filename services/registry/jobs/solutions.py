"""The answers of solve jobs: one row a puzzle."""

from collections.abc import Sequence

from psycopg.types.json import Jsonb
from sqlalchemy import Integer, any_, delete, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from services.registry.access.visibility import AccessScope, visible_to
from services.registry.db.base import Json
from services.registry.db.bulk import copy_rows
from services.registry.db.pages import Page, cut, decode_place
from services.registry.db.tables import Solution
from services.registry.errors import SolutionNotFound
from services.registry.jobs import leases

COLUMNS = tuple(column.key for column in Solution.__table__.columns if column.key != "job_id")


def add(session: Session, claim: leases.Claim, rows: Sequence[Json]) -> None:
    """Record answers, a value for each of COLUMNS; they replace those that an earlier attempt gave. Raises StaleLease."""
    leases.hold(session, claim)
    if not rows:
        return
    repeated = Solution.index == any_(literal([row["index"] for row in rows], ARRAY(Integer)))
    session.execute(delete(Solution).where(Solution.job_id == claim.job_id, repeated))
    copy_rows(session, Solution, ("job_id", *COLUMNS), (_list_values(claim.job_id, row) for row in rows))


def _list_values(job_id: str, row: Json) -> list[object]:
    columns = {**row, "trace": None if row["trace"] is None else Jsonb(row["trace"])}
    return [job_id, *(columns[name] for name in COLUMNS)]


def get(session: Session, access: AccessScope, job_id: str, index: int) -> Solution:
    """The answer to one puzzle; raises SolutionNotFound."""
    place = Solution.job_id == job_id, Solution.index == index
    found = session.scalar(select(Solution).where(*place, visible_to(access, Solution)))
    if found is None:
        raise SolutionNotFound(f"The job {job_id[:100]!r} has no answer to puzzle {index}, or not yet.")
    return found


def page(
    session: Session, access: AccessScope, job_id: str, *, cursor: str | None = None, limit: int = 100
) -> Page[Solution]:
    """A page of a job's answers in the order of its puzzles; raises InvalidCursor."""
    where = f"solutions of {job_id}"
    after = -1 if cursor is None else decode_place(where, cursor)
    following = Solution.job_id == job_id, Solution.index > after
    statement = select(Solution).where(*following, visible_to(access, Solution)).order_by(Solution.index)
    return cut(session.scalars(statement.limit(limit + 1)).all(), limit, where, lambda last: [last.index])
