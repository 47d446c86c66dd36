"""Names that owners give to checkpoints: a name points at its newest version, and remembers those before."""

from sqlalchemy import delete, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from services.registry.access.visibility import AccessScope, visible_to
from services.registry.db.ids import new_id
from services.registry.db.pages import Page, cut, decode_mark, newest_first
from services.registry.db.tables import ModelVersion
from services.registry.errors import ModelNotFound
from services.registry.runs import checkpoints

NAMES = "names of models"  # a list of its own, for cursors


def promote(session: Session, access: AccessScope, name: str, checkpoint_id: str) -> ModelVersion:
    """Have the caller's name point at this checkpoint; raises CheckpointNotFound. To point at the same one again changes nothing."""
    owner = access.owner
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"model {owner}/{name}", 0))))
    checkpoints.get(session, access, checkpoint_id)
    if not checkpoints.hold(session, {checkpoint_id}):
        raise checkpoints.not_found(checkpoint_id)
    newest = _find_newest(session, access, name, owner)
    if newest is not None and newest.checkpoint_id == checkpoint_id:
        return newest
    version = 1 if newest is None else newest.version + 1
    row = ModelVersion(id=new_id("model"), owner=owner, name=name, version=version, checkpoint_id=checkpoint_id)
    session.add(row)
    session.flush()
    return row


def get(session: Session, access: AccessScope, name: str) -> ModelVersion:
    """What the name points at, the caller's own before others'; raises ModelNotFound."""
    found = _find_newest(session, access, name, access.owner) or _find_newest(session, access, name)
    if found is None:
        raise ModelNotFound(f"There is no model {name[:100]!r}.")
    return found


def current(
    session: Session, access: AccessScope, *, cursor: str | None = None, limit: int = 100
) -> Page[ModelVersion]:
    """A page of what every name points at, by name; raises InvalidCursor."""
    key = (ModelVersion.name, ModelVersion.owner)
    statement = (
        select(ModelVersion)
        .where(visible_to(access, ModelVersion))
        .ext(distinct_on(*key))
        .order_by(*key, ModelVersion.version.desc())
        .limit(limit + 1)
    )
    if cursor is not None:
        statement = statement.where(tuple_(*key) > tuple_(*map(literal, decode_mark(NAMES, cursor, str, str))))
    return cut(session.scalars(statement).all(), limit, NAMES, lambda last: [last.name, last.owner])


def history(
    session: Session, access: AccessScope, name: str, *, cursor: str | None = None, limit: int = 20
) -> Page[ModelVersion]:
    """A page of what the name has pointed at, newest first; raises ModelNotFound or InvalidCursor."""
    owner = get(session, access, name).owner
    statement = select(ModelVersion).where(ModelVersion.name == name, ModelVersion.owner == owner)
    return newest_first(session, statement, ModelVersion, cursor, limit)


def remove(session: Session, access: AccessScope, name: str) -> None:
    """Forget the name; the checkpoints stay. Raises ModelNotFound."""
    owner = get(session, access, name).owner
    gone = delete(ModelVersion).where(ModelVersion.name == name, ModelVersion.owner == owner)
    session.execute(gone.execution_options(synchronize_session=False))


def _find_newest(session: Session, access: AccessScope, name: str, owner: str | None = None) -> ModelVersion | None:
    statement = select(ModelVersion).where(ModelVersion.name == name, visible_to(access, ModelVersion))
    if owner is not None:
        statement = statement.where(ModelVersion.owner == owner)
    newest = (ModelVersion.version.desc(), ModelVersion.created_at.desc())
    return session.scalars(statement.order_by(*newest).limit(1)).first()
