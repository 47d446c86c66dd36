"""The log of who did what; nothing ever changes or removes a record."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Self

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from services.registry.db.access_tables import AuditRecord
from services.registry.db.ids import new_id
from services.registry.db.pages import Page, newest_first

OPERATOR = "operator"


@dataclass(frozen=True)
class Act:
    """What was done; the columns of a record."""

    owner: str
    caller: str
    action: str
    object: str | None
    request_id: str | None
    outcome: str
    id: str = field(default_factory=lambda: new_id("audit"))

    @classmethod
    def by_operator(cls, owner: str, action: str, object_id: str) -> Self:
        """Something done by a command, where no request is."""
        return cls(owner=owner, caller=OPERATOR, action=action, object=object_id, request_id=None, outcome="ok")


def record(session: Session, acts: Sequence[Act]) -> None:
    """Add acts to the log."""
    if acts:
        session.execute(insert(AuditRecord), [asdict(act) for act in acts])


def page(
    session: Session, *, owner: str | None = None, cursor: str | None = None, limit: int = 20
) -> Page[AuditRecord]:
    """A page of the log, of one owner's acts or of all, newest first; raises InvalidCursor."""
    statement = select(AuditRecord)
    if owner is not None:
        statement = statement.where(AuditRecord.owner == owner)
    return newest_first(session, statement, AuditRecord.created_at, AuditRecord.id, cursor, limit)
