"""The audit log: only age or number removes a record; repeated refusals share a record with a count."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Self

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.registry.db.access_tables import AuditRecord
from services.registry.db.ids import new_id
from services.registry.db.pages import Page, newest_first

OPERATOR = "operator"


@dataclass(frozen=True)
class AuditEntry:
    """An audited action; the columns of a record."""

    owner: str
    caller: str
    action: str
    object: str | None
    request_id: str | None
    outcome: str
    count: int = 1
    id: str = field(default_factory=lambda: new_id("audit"))

    @classmethod
    def by_operator(cls, owner: str, action: str, object_id: str) -> Self:
        """Something done by a command, where no request is."""
        return cls(owner=owner, caller=OPERATOR, action=action, object=object_id, request_id=None, outcome="ok")

    @classmethod
    def of_refusal(
        cls, owner: str, caller: str, action: str, request_id: str | None, outcome: str, *, minute: int
    ) -> Self:
        """Something refused before it was known what it was about: those alike within a minute share a record.

        The minute counts as the gateway sees it: it only tells records apart.
        """
        alike = "\0".join((owner, caller, action, outcome, str(minute)))
        shared = f"audit_{hashlib.sha256(alike.encode(errors='replace')).hexdigest()[:32]}"
        return cls(owner, caller, action, None, request_id, outcome, id=shared)


def record(session: Session, acts: Sequence[AuditEntry]) -> None:
    """Append entries to the log."""
    merged: dict[str, AuditEntry] = {}
    for act in acts:
        known = merged.get(act.id)
        merged[act.id] = act if known is None else replace(known, count=known.count + act.count)
    if not merged:
        return
    new = insert(AuditRecord)
    total = {"count": AuditRecord.count + new.excluded.count}
    added = new.on_conflict_do_update(index_elements=[AuditRecord.id], set_=total)
    session.execute(added, [asdict(act) for act in merged.values()])


def page(
    session: Session, *, owner: str | None = None, cursor: str | None = None, limit: int = 20
) -> Page[AuditRecord]:
    """A page of the log, of one owner's acts or of all, newest first; raises InvalidCursor."""
    statement = select(AuditRecord)
    if owner is not None:
        statement = statement.where(AuditRecord.owner == owner)
    return newest_first(session, statement, AuditRecord, cursor, limit)
