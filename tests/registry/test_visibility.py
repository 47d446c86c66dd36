"""Callers see their own rows: every table with an owner, its own or a parent's, is known to `visible_to`."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Column, Table, insert, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.registry.access.visibility import EVERYTHING, OWNERS, PARENTS, AccessScope, visible_to
from services.registry.db.base import Base
from services.registry.db.database import Database
from services.registry.db.operations_tables import RemovedJobs, WorkerProcess
from services.registry.db.tables import Job
from services.registry.states import JobKind

TABLES: dict[str, type[Base]] = {mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers}
OWNERLESS = {RemovedJobs, WorkerProcess}  # counts and processes of the whole service
SOME = {bytes: b"x", str: "x", int: 1, float: 0.5, datetime: datetime(2026, 1, 2, tzinfo=UTC)}


def has_owner(table: Table) -> bool:
    """Whether a row has an owner, as the schema says it: by a column of its own, or through a key to such a row."""
    if "owner" in table.columns:
        return True
    return any(has_owner(key.column.table) for key in table.foreign_keys)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_no_table_that_has_an_owner_is_forgotten(name: str) -> None:
    table = TABLES[name]
    assert (table in OWNERS, table in PARENTS) in {(True, False), (False, True), (False, False)}
    assert (table in OWNERS or table in PARENTS) is has_owner(Base.metadata.tables[name])
    assert (table in OWNERLESS) is not has_owner(Base.metadata.tables[name])
    if table in OWNERS:
        assert OWNERS[table].class_ is table


@pytest.mark.parametrize(("table", "link"), PARENTS.items())
def test_a_parent_is_the_one_that_the_schema_names(table: type[Base], link: Any) -> None:  # noqa: ANN401
    key, (parent_id, owner) = link
    assert owner is OWNERS[parent_id.class_]
    column = Base.metadata.tables[table.__tablename__].columns[key.key]
    [foreign] = column.foreign_keys
    assert foreign.column is Base.metadata.tables[parent_id.class_.__tablename__].columns[parent_id.key]
    assert not column.nullable  # a row without a parent would have no owner
    assert key.class_ is table


def value(column: Column[Any], owner: str) -> object:
    if column.foreign_keys or column.name == "id":
        return f"{owner}-id"
    if column.name == "owner":
        return owner
    if isinstance(column.type, ARRAY):
        return []
    if isinstance(column.type, JSONB):
        return {}
    return SOME[column.type.python_type]


def row(table: Table, owner: str) -> dict[str, object]:
    """The least that the table takes."""
    if table.name == Job.__tablename__:
        return {
            "id": f"{owner}-id",
            "owner": owner,
            "kind": JobKind.SOLVE,
            "request": {},
            "pretrained": "x",
            "max_attempts": 3,
        }
    needed = [c for c in table.columns if c.name == "owner" or (c.server_default is None and not c.nullable)]
    return {column.name: value(column, owner) for column in needed}


@pytest.fixture
def filled(database: Database) -> Database:
    """A row of alice's and one of bob's in every table that has owners."""
    with database.transaction() as session:
        for table in Base.metadata.sorted_tables:
            if has_owner(table):
                session.execute(insert(table), [row(table, owner) for owner in ("alice", "bob")])
    return database


def test_only_the_owners_rows_are_visible_in_every_table(filled: Database) -> None:
    for table in (*OWNERS, *PARENTS):
        with filled.transaction() as session:
            seen = {
                who: session.execute(select(table.__table__).where(visible_to(access, table))).all()
                for who, access in (
                    ("alice", AccessScope("alice")),
                    ("all", EVERYTHING),
                    ("carol", AccessScope("carol")),
                )
            }
        assert {who: len(rows) for who, rows in seen.items()} == {"alice": 1, "all": 2, "carol": 0}, table
        shown = [str(cell) for cell in seen["alice"][0]]
        assert any(text.startswith("alice") for text in shown)
        assert not any(text.startswith("bob") for text in shown)


@pytest.mark.parametrize("table", sorted(OWNERLESS, key=str))
def test_rows_without_an_owner_cannot_be_asked_for_by_owner(table: type[Base]) -> None:
    with pytest.raises(KeyError):
        visible_to(AccessScope("alice"), table)
