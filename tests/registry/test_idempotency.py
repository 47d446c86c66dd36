"""Idempotency keys: the registry keeps what was answered without looking into it."""

from dataclasses import replace

import pytest

from services.registry.db.database import Database
from services.registry.errors import KeyReused, KeyTaken
from services.registry.submissions import idempotency
from services.registry.submissions.idempotency import Kept, Key

KEY = Key("alice", "POST /v1/solve-jobs", "one", "fingerprint")
ANSWER = bytes(range(256))  # no text


def test_what_is_kept_is_given_back_byte_for_byte(database: Database) -> None:
    with database.transaction() as session:
        idempotency.require(session, KEY, "job_a")
        idempotency.keep(session, KEY, ANSWER)
    with database.transaction() as session:
        assert idempotency.find(session, KEY) == Kept("job_a", ANSWER)
        assert idempotency.find(session, replace(KEY, owner="bob")) is None
        with pytest.raises(KeyReused):
            idempotency.find(session, replace(KEY, fingerprint="another"))
        with pytest.raises(KeyTaken):
            idempotency.require(session, KEY, "job_b")


def test_what_has_no_answer_yet_is_not_found(database: Database) -> None:
    with database.transaction() as session:
        idempotency.require(session, KEY, "job_a")
        assert idempotency.find(session, KEY) is None
