"""Uploaded data sets: a row exists only for one that is complete in the storage."""

from collections.abc import Mapping

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.registry.access.visibility import AccessScope, visible_to
from services.registry.db.base import Json
from services.registry.db.pages import Page, newest_first
from services.registry.db.tables import Dataset
from services.registry.errors import DatasetNameTaken, DatasetNotFound
from trm.puzzles.spec import PuzzleSpec


def add(
    session: Session,
    access: AccessScope,
    dataset_id: str,
    *,
    name: str,
    spec: PuzzleSpec,
    splits: Mapping[str, int],
    overlap: int,
    report: Json | None = None,
    url: str,
    sha256: str,
) -> Dataset:
    """Record a stored data set; raises DatasetNameTaken."""
    values = {
        "id": dataset_id,
        "owner": access.owner,
        "name": name,
        "kind": spec.kind,
        "spec": spec.model_dump(mode="json"),
        "splits": dict(splits),
        "overlap": overlap,
        "report": report,
        "url": url,
        "sha256": sha256,
    }
    unique = [Dataset.owner, Dataset.name]
    statement = insert(Dataset).values(values).on_conflict_do_nothing(index_elements=unique).returning(Dataset)
    dataset = session.scalars(statement).one_or_none()
    if dataset is None:
        raise _name_taken_error(name)
    return dataset


def require_free_name(session: Session, access: AccessScope, name: str) -> None:
    """Raises DatasetNameTaken; ask before storing a large file, `add` decides."""
    if session.scalar(select(Dataset.id).filter_by(owner=access.owner, name=name)) is not None:
        raise _name_taken_error(name)


def get(session: Session, access: AccessScope, id_or_name: str) -> Dataset:
    """The uploaded data set with this id or name; raises DatasetNotFound."""
    meant = or_(Dataset.id == id_or_name, Dataset.name == id_or_name)
    statement = select(Dataset).where(meant, visible_to(access, Dataset))
    best_first = (Dataset.id != id_or_name, Dataset.owner != access.owner, Dataset.created_at)
    dataset = session.scalars(statement.order_by(*best_first)).first()
    if dataset is None:
        raise DatasetNotFound(f"There is no uploaded data set {id_or_name[:100]!r}.")
    return dataset


def page(session: Session, access: AccessScope, *, cursor: str | None = None, limit: int = 20) -> Page[Dataset]:
    """A page of uploaded data sets, newest first; raises InvalidCursor."""
    statement = select(Dataset).where(visible_to(access, Dataset))
    return newest_first(session, statement, Dataset, cursor, limit)


def _name_taken_error(name: str) -> DatasetNameTaken:
    return DatasetNameTaken(f"There is a data set {name!r} already. Choose another name.", "name")
