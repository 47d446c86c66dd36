"""What Postgres cannot hold of a text is replaced on the way, wherever the text goes."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.expression import literal
from sqlalchemy.types import Text

from services.registry.access import audit
from services.registry.access.audit import AuditEntry
from services.registry.db import bulk
from services.registry.db.access_tables import AuditRecord, WebhookDelivery, WebhookEndpoint
from services.registry.db.database import Database
from services.registry.db.storable import storable, storable_json

BAD = "a\0b\ud800c"
GOOD = "a\ufffdb\ufffdc"


def test_replacements() -> None:
    assert storable(BAD) == GOOD
    assert storable("plain, ü, 🧩") == "plain, ü, 🧩"
    assert storable_json({BAD: [BAD, 1, None, (BAD,)], "c": "🧩"}) == storable_json(
        {GOOD: [GOOD, 1, None, [GOOD]], "c": "🧩"}
    )
    assert storable_json("a backslash \\u0000 and a pair 🧩") == '"a backslash \\\\u0000 and a pair \\ud83e\\udde9"'


def test_a_parameter_an_array_and_a_comparison(database: Database) -> None:
    with database.transaction() as session:
        assert session.scalar(select(literal(BAD, Text))) == GOOD
        assert session.scalar(select(literal([BAD, "b"], ARRAY(Text)))) == [GOOD, "b"]
        assert session.scalar(text("SELECT :a = :b"), {"a": BAD, "b": GOOD}) is True
        assert session.get(WebhookEndpoint, BAD) is None


def test_rows_and_json_by_insert_and_by_copy(database: Database) -> None:
    with database.transaction() as session:
        endpoint = WebhookEndpoint(id="whe_1", owner="a", url=BAD, events=[BAD], secret="s")
        session.add(endpoint)
        session.flush()
        session.add(WebhookDelivery(id="whd_1", endpoint_id="whe_1", payload={BAD: [BAD]}))
        columns = ("id", "owner", "caller", "action", "outcome")
        bulk.copy_rows(session, AuditRecord, columns, [("audit_1", "a", "b", BAD, "ok")])
    with database.transaction() as session:
        assert session.get_one(WebhookEndpoint, "whe_1").events == [GOOD]
        assert session.get_one(WebhookDelivery, "whd_1").payload == {GOOD: [GOOD]}
        assert session.get_one(AuditRecord, "audit_1").action == GOOD


@pytest.mark.parametrize("bad", ["\0", "\ud800"])
def test_a_batch_with_one_such_record_keeps_the_others(database: Database, bad: str) -> None:
    acts = [AuditEntry("a", "key", "POST /x", thing, None, "202") for thing in ("one", bad, "three")]
    with database.transaction() as session:
        audit.record(session, acts)
    with database.transaction() as session:
        assert {row.object for row in audit.page(session).items} == {"one", "\ufffd", "three"}
