"""Refusals cost little: they are counted before anything expensive, and alike ones share an audit record."""

import threading
import time
from collections import Counter

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from services.gateway.access import recheck
from services.gateway.app import create_app
from services.registry.access import api_keys, audit
from services.registry.access.scopes import Scope
from services.registry.db.access_tables import AuditRecord
from services.registry.db.database import Database
from services.registry.settings import Settings
from tests.conftest import wait_until
from tests.gateway.conftest import Book, served
from tests.gateway.keys import guarded, header

RUN = {"preset": "sudoku-6x6"}


def records(database: Database) -> list[AuditRecord]:
    with database.transaction() as session:
        return audit.page(session, limit=100).items


def test_a_key_without_the_scope_is_limited_and_leaves_a_record_a_minute(
    settings: Settings, database: Database
) -> None:
    with guarded(settings, submits_per_minute=20) as client:
        alice = header(database, "alice", Scope.SOLVE)
        paths = [f"/v1/training-jobs{i % 3 or ''}" for i in range(200)]
        told = Counter(client.post(path, json=RUN, headers=alice).status_code for path in paths)
    assert told == {403: 20, 429: 180}
    rows = records(database)
    assert sum(row.count for row in rows) == 200
    assert len(rows) <= 8  # two outcomes, two names, and the minute may have changed


def test_a_strangers_tries_are_limited_by_address_before_the_database_is_asked(
    settings: Settings, database: Database
) -> None:
    with guarded(settings, strangers_per_minute=10) as client:
        alice = header(database, "alice")
        assert client.get("/v1/jobs", headers=alice).status_code == 200  # known from now on
        keys = client.app.state.backends.keys  # type: ignore[attr-defined]
        asked, look_up = list[str](), keys.look_up

        def count(token: str) -> object:
            asked.append(token)
            return look_up(token)

        keys.look_up = count
        wrong = [{"Authorization": f"Bearer trm_{'0' * 32}_{i:064x}"} for i in range(50)]
        told = Counter(client.get("/v1/jobs", headers=one).status_code for one in wrong)
        assert told == {401: 9, 429: 41}  # the good key was one of the ten
        assert len(asked) == 9
        assert client.post("/v1/solve-jobs", json={}, headers=wrong[0]).status_code == 429
        assert client.get("/readyz").status_code == 200
    assert records(database) == []


def test_a_key_that_was_good_is_not_shut_out_with_its_neighbours(settings: Settings, database: Database) -> None:
    with guarded(settings, strangers_per_minute=5) as client:
        alice = header(database, "alice")
        assert client.get("/v1/jobs", headers=alice).status_code == 200
        assert [client.get("/v1/jobs").status_code for _ in range(6)][-1] == 429
        keys = client.app.state.backends.keys  # type: ignore[attr-defined]
        keys.forget()  # as after some seconds
        assert client.get("/v1/jobs", headers=alice).status_code == 200


def test_a_limited_key_asks_the_broker_once_a_second(settings: Settings) -> None:
    from services.gateway.middleware.rate_limit import SUBMIT, RateLimiter

    limiter = RateLimiter(settings.model_copy(update={"submits_per_minute": 1}))
    assert limiter.count(SUBMIT, "a") is None
    first = limiter.count(SUBMIT, "a")
    assert first is not None
    limiter._limiter = None  # asking would open it again
    again = [limiter.count(SUBMIT, "a") for _ in range(5)]
    assert all(one is not None and one[1] <= first[1] for one in again)
    assert limiter._limiter is None


ENDINGS = {
    "revoked": "UPDATE api_keys SET revoked_at = now()",
    "expired": "UPDATE api_keys SET expires_at = now()",
    "fewer scopes": "UPDATE api_keys SET scopes = ARRAY['solve']",
}


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recheck, "RECHECK_SECONDS", 0.2)


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_a_stream_ends_with_its_key(settings: Settings, database: Database, often: None, ending: str) -> None:
    app = create_app(settings.model_copy(update={"auth": "on"}))
    claim = Book(app.state.backends).training()[1]
    alice = header(database, "local")
    with served(app) as server:
        path = f"{server.url}/v1/jobs/{claim.job_id}/events"
        with httpx2.stream("GET", path, headers=alice, timeout=10) as response:
            lines = response.iter_lines()
            assert next(lines).startswith("retry")
            time.sleep(0.5)
            with database.transaction() as session:
                session.execute(text(ending))
            begun = time.monotonic()
            rest = list(lines)
    assert time.monotonic() - begun < 3
    assert "event: closed" in rest
    assert "API key" in rest[rest.index("event: closed") + 1]


def test_a_wait_ends_with_its_key(settings: Settings, database: Database, model: str, often: None) -> None:
    with guarded(settings) as client:
        alice = header(database, "local")
        body = {"model": model, "puzzle": "1..............."}

        def withdraw() -> None:
            wait_until(lambda: bool(client.get("/v1/jobs", headers=alice).json()["data"][1:]))
            with database.transaction() as session:
                session.execute(text(ENDINGS["revoked"]))

        thread = threading.Thread(target=withdraw)
        thread.start()
        response = client.post("/v1/solve-jobs", json=body, headers={**alice, "Prefer": "wait=20"})
        thread.join()
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")


def test_a_key_is_looked_at_again_by_its_id(database: Database) -> None:
    with database.transaction() as session:
        made = api_keys.create(session, owner="a", name="x", scopes=[Scope.SOLVE])
        assert api_keys.find_valid(session, made.row.id) is not None
        api_keys.revoke(session, made.row.id)
        assert api_keys.find_valid(session, made.row.id) is None


def test_the_loopback_without_keys_is_neither_counted_nor_asked_again(client: TestClient) -> None:
    assert {client.post("/v1/training-jobs", json={}).status_code for _ in range(30)} == {422}
