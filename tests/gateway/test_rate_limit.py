"""Each key may ask so often; without a broker no request is counted."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from fastapi.testclient import TestClient

from services.gateway.middleware.rate_limit import READ, SUBMIT, RateLimiter
from services.registry.db.database import Database
from services.registry.settings import Settings
from tests.gateway.keys import guarded, header


def test_one_request_too_many_is_told_when_to_come_back(settings: Settings, database: Database) -> None:
    with guarded(settings, submits_per_minute=3, reads_per_minute=5) as client:
        alice, bob = header(database, "alice"), header(database, "bob")
        training = {"preset": "sudoku-6x6"}
        statuses = [client.post("/v1/training-jobs", json=training, headers=alice).status_code for _ in range(4)]
        assert statuses == [202, 202, 202, 429]
        response = client.post("/v1/solve-jobs", json={}, headers=alice)
        assert response.json()["code"] == "rate_limited"
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert response.headers["ratelimit-policy"] == '"submit";q=3;w=60'
        assert re.fullmatch(r'"submit";r=0;t=\d+', response.headers["ratelimit"])
        assert client.post("/v1/training-jobs", json=training, headers=bob).status_code == 202  # each key its own
        reads = [client.get("/v1/jobs", headers=alice).status_code for _ in range(6)]
        assert reads == [200] * 5 + [429]  # each kind its own
        assert client.get("/readyz").status_code == 200


def test_all_gateways_count_together(settings: Settings) -> None:
    first, second = (RateLimiter(settings.model_copy(update={"submits_per_minute": 2})) for _ in range(2))
    assert [limiter.count(SUBMIT, "key_x") is None for limiter in (first, second, first)] == [True, True, False]


def test_the_broker_is_asked_for_pieces_of_the_limit_and_the_last_are_exact(
    settings: Settings, broker_url: str
) -> None:
    limiter = RateLimiter(settings.model_copy(update={"submits_per_minute": 125}))  # pieces of 2
    with redis.Redis(unix_socket_path=broker_url.removeprefix("redis+socket://")) as broker:
        broker.config_resetstat()
        assert [limiter.count(SUBMIT, "key_x") for _ in range(125)] == [None] * 125
        asked = sum(
            broker.info("commandstats").get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval")
        )
    assert 63 <= asked <= 66
    assert limiter.count(SUBMIT, "key_x") is not None
    assert limiter.count(SUBMIT, "key_y") is None
    assert limiter.lets_through(SUBMIT, "key_y")  # its second
    assert not limiter.lets_through(SUBMIT, "key_y")


def test_many_at_once_are_counted_right(settings: Settings) -> None:
    limiter = RateLimiter(settings.model_copy(update={"submits_per_minute": 600}))
    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda _: limiter.count(SUBMIT, "key_x") is None, range(620)))
    assert (answers.count(True), answers.count(False)) == (600, 20)


def test_nothing_is_limited_where_no_limit_is_set(settings: Settings) -> None:
    limiter = RateLimiter(settings.model_copy(update={"reads_per_minute": 0}))
    assert [limiter.count(READ, "key_x") for _ in range(50)] == [None] * 50


def test_who_needs_no_key_is_not_counted(settings: Settings, client: TestClient) -> None:
    assert {client.get("/v1/jobs").status_code for _ in range(20)} == {200}


@pytest.mark.parametrize("scheme", ["redis+socket:///{}/none.sock", "redis://127.0.0.1:1/0"])
def test_without_a_broker_everything_is_let_through(
    settings: Settings, database: Database, nowhere: Path, scheme: str
) -> None:
    url = scheme.format(str(nowhere).lstrip("/"))
    with guarded(settings, broker_url=url, reads_per_minute=1) as client:
        alice = header(database, "alice")
        assert [client.get("/v1/jobs", headers=alice).status_code for _ in range(3)] == [200] * 3
