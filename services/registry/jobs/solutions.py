"""The answers of solve jobs: one row a puzzle."""

from collections.abc import Sequence
from typing import TypedDict

from psycopg.types.json import Jsonb
from sqlalchemy import Integer, any_, delete, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from services.registry.db.base import Json
from services.registry.db.bulk import copy_rows
from services.registry.db.pages import Page, decode_cursor, encode_cursor
from services.registry.db.tables import Solution
from services.registry.errors import InvalidCursor, SolutionNotFound
from services.registry.jobs import leases


class SolutionRow(TypedDict):
    """One puzzle's answer, as a worker hands it in."""

    index: int
    question: str
    answer: str
    verified: bool | None
    halt_probability: float
    steps: int
    total_steps: int
    reason: str
    chosen_by: str
    chain: int
    votes: int
    chains: int
    trace: list[Json] | None


COLUMNS = tuple(SolutionRow.__annotations__)


def add(session: Session, claim: leases.Claim, rows: Sequence[SolutionRow]) -> None:
    """Record answers; they replace those that an earlier attempt gave. Raises StaleLease."""
    leases.hold(session, claim)
    if not rows:
        return
    told_again = Solution.index == any_(literal([row["index"] for row in rows], ARRAY(Integer)))
    session.execute(delete(Solution).where(Solution.job_id == claim.job_id, told_again))
    copy_rows(session, Solution, ("job_id", *COLUMNS), (_values(claim.job_id, row) for row in rows))


def _values(job_id: str, row: SolutionRow) -> list[object]:
    columns: Json = {**row, "trace": None if row["trace"] is None else Jsonb(row["trace"])}
    return [job_id, *(columns[name] for name in COLUMNS)]


def get(session: Session, job_id: str, index: int) -> Solution:
    """The answer to one puzzle; raises SolutionNotFound."""
    found = session.get(Solution, (job_id, index))
    if found is None:
        raise SolutionNotFound(f"The job {job_id[:100]!r} has no answer to puzzle {index}, or not yet.")
    return found


def page(session: Session, job_id: str, *, cursor: str | None = None, limit: int = 100) -> Page[Solution]:
    """A page of a job's answers in the order of its puzzles; raises InvalidCursor."""
    where = f"solutions of {job_id}"
    after = -1 if cursor is None else _index(decode_cursor(where, cursor))
    statement = select(Solution).where(Solution.job_id == job_id, Solution.index > after).order_by(Solution.index)
    rows = list(session.scalars(statement.limit(limit + 1)))
    more = encode_cursor(where, [rows[limit - 1].index]) if len(rows) > limit else None
    return Page(rows[:limit], more)


def _index(mark: list[object]) -> int:
    if len(mark) != 1 or not isinstance(mark[0], int) or abs(mark[0]) >= 2**31:
        raise InvalidCursor("This cursor was not issued by this list. Start again without a cursor.")
    return mark[0]
