"""Idempotency keys: a request with a key is executed once, and every repetition gets the same response."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.registry.db.tables import IdempotencyKey
from services.registry.errors import KeyReused, KeyTaken

KEPT_HOURS = 24


@dataclass(frozen=True)
class Key:
    """An owner's mark on one request; it counts for this owner and this route alone."""

    owner: str
    route: str  # method and path
    key: str
    fingerprint: str  # of what is asked

    @property
    def place(self) -> tuple[str, str, str]:
        """The columns that identify the key."""
        return self.owner, self.route, self.key


@dataclass(frozen=True)
class Kept:
    """What a request was answered, as it was rendered, and the id of the job or data set that it made or moved."""

    subject: str
    answer: bytes


def find(session: Session, key: Key) -> Kept | None:
    """What the request was answered when it came before; raises KeyReused when that asked for something else."""
    row = session.get(IdempotencyKey, key.place)
    if row is None or row.answer is None:
        return None
    if row.fingerprint != key.fingerprint:
        raise KeyReused(f"The idempotency key {key.key[:100]!r} was sent before, with another request.")
    return Kept(row.subject, row.answer)


def take(session: Session, keys: Sequence[tuple[Key, str]]) -> set[str]:
    """Mark each request's subject with its key, where the key is free; the subjects that are marked now.

    Waits for a transaction that is about to use the same key. `keep` the answer in the same transaction.
    """
    rows = [
        {"owner": key.owner, "route": key.route, "key": key.key, "fingerprint": key.fingerprint, "subject": subject}
        for key, subject in sorted(keys, key=lambda pair: pair[0].place)  # two that wait for each other would deadlock
    ]
    if not rows:
        return set()
    statement = insert(IdempotencyKey).values(rows).on_conflict_do_nothing()
    return set(session.scalars(statement.returning(IdempotencyKey.subject)))


def require(session: Session, key: Key, subject: str) -> None:
    """Mark the subject of a single request; raises KeyTaken."""
    if not take(session, [(key, subject)]):
        raise key_taken_error(key)


def key_taken_error(key: Key) -> KeyTaken:
    """The refusal of a request whose key another one had first."""
    return KeyTaken(f"A request with the idempotency key {key.key[:100]!r} was first. Send it again to get its answer.")


def keep(session: Session, key: Key, answer: bytes) -> None:
    """Store the answer to the request."""
    columns = IdempotencyKey.owner, IdempotencyKey.route, IdempotencyKey.key
    ours = (column == value for column, value in zip(columns, key.place, strict=True))
    session.execute(update(IdempotencyKey).where(*ours).values(answer=answer))


def forget_old(session: Session, hours: float = KEPT_HOURS) -> int:
    """Remove the keys that were kept long enough; how many those were."""
    old = IdempotencyKey.created_at < func.now() - timedelta(hours=hours)
    gone = session.scalars(delete(IdempotencyKey).where(old).returning(IdempotencyKey.key))
    return len(gone.all())
