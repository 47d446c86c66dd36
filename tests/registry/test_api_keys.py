"""API keys: right secrets are accepted, everything else is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from services.registry.access import api_keys
from services.registry.access.api_keys import ADMIN_ID, NewKey
from services.registry.access.scopes import Scope
from services.registry.db.access_tables import ApiKey
from services.registry.db.database import Database
from services.registry.errors import ApiKeyNotFound

SECRET, OTHER = "a" * 64, "b" * 64


def made(database: Database, lifetime: timedelta | None = None) -> NewKey:
    with database.transaction() as session:
        return api_keys.create(session, owner="alice", name="laptop", scopes=[Scope.TRAIN], lifetime=lifetime)


def found(database: Database, token: str) -> ApiKey | None:
    with database.transaction() as session:
        return api_keys.authenticate(session, token)


def test_a_key_is_known_by_its_token_and_its_secret_is_not_kept(database: Database) -> None:
    key = made(database)
    assert api_keys.TOKEN.fullmatch(key.token)
    secret = key.token.rsplit("_", 1)[1]
    assert secret not in str(vars(key.row))
    same = found(database, key.token)
    assert same is not None
    assert (same.id, same.owner, same.scopes) == (key.row.id, "alice", ["train"])


def test_any_other_token_is_refused(database: Database) -> None:
    token, another = made(database).token, made(database).token
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    crossed = token.rsplit("_", 1)[0] + "_" + another.rsplit("_", 1)[1]
    for presented in ("", "trm__", token[:-1], token + "0", token.upper(), token + "\n", wrong, crossed, "trm_admin_x"):
        assert found(database, presented) is None, presented


def test_keys_end(database: Database) -> None:
    past = made(database, lifetime=timedelta(seconds=-1))
    assert found(database, past.token) is None
    key = made(database, lifetime=timedelta(hours=1))
    assert found(database, key.token) is not None
    for _ in range(2):
        with database.transaction() as session:
            api_keys.revoke(session, key.row.id)
    assert found(database, key.token) is None


def test_rotation_overlaps(database: Database) -> None:
    old = made(database)
    with database.transaction() as session:
        new = api_keys.rotate(session, old.row.id, timedelta(hours=1))
    assert (new.row.owner, new.row.scopes) == ("alice", ["train"])
    assert found(database, old.token) is not None
    assert found(database, new.token) is not None
    with database.transaction() as session:
        left = api_keys.get(session, old.row.id).expires_at
        assert left is not None
        assert left < datetime.now(UTC) + timedelta(hours=1)
        api_keys.rotate(session, old.row.id, timedelta(0))
    assert found(database, old.token) is None


def test_what_has_ended_is_not_replaced(database: Database) -> None:
    past, withdrawn = made(database, lifetime=timedelta(seconds=-1)), made(database)
    with database.transaction() as session:
        api_keys.revoke(session, withdrawn.row.id)
    for key in (past, withdrawn):
        with database.transaction() as session, pytest.raises(ApiKeyNotFound, match="no longer valid"):
            api_keys.rotate(session, key.row.id, timedelta(hours=1))


def test_the_last_use_is_noted_once_a_minute(database: Database) -> None:
    key = made(database)
    assert key.row.last_used_at is None

    def noted() -> datetime | None:
        found(database, key.token)
        with database.transaction() as session:
            return api_keys.get(session, key.row.id).last_used_at

    first = noted()
    assert first is not None
    assert noted() == first
    with database.transaction() as session:
        session.execute(update(ApiKey).values(last_used_at=first - timedelta(seconds=61)))
    again = noted()
    assert again is not None
    assert again >= first


def test_the_admins_secret_makes_one_key_and_a_new_secret_replaces_it(database: Database) -> None:
    for secret in (SECRET, SECRET):
        with database.transaction() as session:
            api_keys.ensure_admin(session, secret)
    assert found(database, f"trm_admin_{SECRET}") is not None
    with database.transaction() as session:
        api_keys.revoke(session, ADMIN_ID)
        api_keys.ensure_admin(session, SECRET)  # a restart does not undo a revocation
    assert found(database, f"trm_admin_{SECRET}") is None
    with database.transaction() as session:
        session.execute(update(ApiKey).values(expires_at="2020-01-01"))
        api_keys.ensure_admin(session, OTHER)
    assert found(database, f"trm_admin_{OTHER}") is not None
    assert found(database, f"trm_admin_{SECRET}") is None


def test_whether_any_key_is_valid(database: Database) -> None:
    with database.transaction() as session:
        assert not api_keys.is_any_valid(session)
    key = made(database)
    with database.transaction() as session:
        assert api_keys.is_any_valid(session)
        api_keys.revoke(session, key.row.id)
        assert not api_keys.is_any_valid(session)


def test_unknown_keys(database: Database) -> None:
    for key_id in ("key_x", "a\0b"):
        with database.transaction() as session, pytest.raises(ApiKeyNotFound):
            api_keys.revoke(session, key_id)
