"""The queue and its workers, as anybody with a key sees them."""

from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from services.registry.db.database import Database
from services.registry.jobs import presence
from services.registry.jobs.presence import Presence
from services.registry.jobs.requirements import Capabilities
from services.registry.settings import Settings
from tests.gateway.conftest import Book
from tests.gateway.keys import guarded, header

TRAINING = {"preset": "sudoku-6x6"}


def announce(
    database: Database, name: str, role: str = "train", concurrency: int = 1, slots: int | None = None
) -> None:
    with database.transaction() as session:
        presence.record(session, Presence(name, role, "10.0.0.1:9100", 2, Capabilities("cpu"), concurrency), slots)


def test_the_queue_is_counted_by_kind(client: TestClient, book: Book, database: Database) -> None:
    announce(database, "host:1")
    book.training()
    waiting = client.post("/v1/training-jobs", json=TRAINING).json()
    train, solve, _ = client.get("/v1/queue").json()["data"]
    assert {**train, "oldest_seconds": None, "wait_seconds": None} == {
        "kind": "train", "queued": 1, "running": 1, "concurrency": 1, "oldest_seconds": None, "wait_seconds": None,
    }  # fmt: skip
    assert 0 <= train["oldest_seconds"] < 30
    assert train["wait_seconds"] is None  # nothing tells how long the running one will take
    with database.transaction() as session:
        session.execute(text("UPDATE jobs SET eta_seconds = 10 WHERE status = 'running'"))
    train, *_ = client.get("/v1/queue").json()["data"]
    assert train["wait_seconds"] == pytest.approx(10 + waiting["estimate"]["seconds"], abs=0.2)
    assert solve == {
        "kind": "solve", "queued": 0, "running": 0, "oldest_seconds": 0.0, "concurrency": 0, "wait_seconds": None,
    }  # fmt: skip


def test_a_queued_job_says_its_place_until_it_is_taken(client: TestClient, book: Book) -> None:
    first, second = (client.post("/v1/training-jobs", json=TRAINING).json()["id"] for _ in range(2))
    urgent = client.post("/v1/training-jobs", json=TRAINING | {"priority": 5}).json()["id"]
    places = {job["id"]: job["queue_position"] for job in client.get("/v1/jobs").json()["data"]}
    assert places == {urgent: 1, first: 2, second: 3}
    assert client.get(f"/v1/jobs/{second}").json()["queue_position"] == 3
    book.claim(first)
    assert client.get(f"/v1/jobs/{second}").json()["queue_position"] == 2
    assert client.get(f"/v1/jobs/{first}").json()["queue_position"] is None
    assert client.post(f"/v1/jobs/{second}/pause").json()["queue_position"] is None
    assert client.post(f"/v1/jobs/{second}/resume").json()["queue_position"] == 2


def test_a_job_that_moves_up_is_not_what_the_client_knows(client: TestClient, book: Book) -> None:
    first, second = (client.post("/v1/training-jobs", json=TRAINING).json()["id"] for _ in range(2))
    known = {"If-None-Match": client.get(f"/v1/jobs/{second}").headers["etag"]}
    assert client.get(f"/v1/jobs/{second}", headers=known).status_code == 304
    book.claim(first)
    assert client.get(f"/v1/jobs/{second}", headers=known).json()["queue_position"] == 1


def test_workers_say_what_they_have_in_hand(client: TestClient, book: Book, database: Database) -> None:
    announce(database, "tests", "train")
    announce(database, "host:7", "solve", 32, 40)
    with database.transaction() as session:
        session.execute(text("UPDATE workers SET seen_at = now() - interval '5 minutes' WHERE name = 'host:7'"))
    job_id = book.training()[1].job_id
    solver, trainer = client.get("/v1/workers").json()["data"]
    assert (solver["host"], solver["role"], solver["status"]) == ("host", "solve", "silent")
    assert (solver["concurrency"], solver["slots_in_use"], solver["jobs_in_hand"]) == (32, 40, 0)
    assert (trainer["status"], trainer["jobs_in_hand"], trainer["jobs"]) == ("alive", 1, [job_id])
    assert trainer["slots_in_use"] is None
    heard = datetime.fromisoformat(solver["last_heartbeat_at"])
    assert timedelta(minutes=4) < datetime.now(UTC) - heard < timedelta(minutes=6)


def test_others_jobs_are_counted_and_not_named(settings: Settings, database: Database) -> None:
    announce(database, "tests")
    with guarded(settings) as client:
        alice, bob = header(database, "alice"), header(database, "bob")
        hers = client.post("/v1/training-jobs", json=TRAINING, headers=alice).json()["id"]
        his = client.post("/v1/training-jobs", json=TRAINING, headers=bob).json()["id"]
        assert client.get(f"/v1/jobs/{his}", headers=bob).json()["queue_position"] == 2
        assert client.get("/v1/queue", headers=bob).json()["data"][0]["queued"] == 2
        Book(client.app.state.backends).claim(hers)  # type: ignore[attr-defined]
        [seen] = client.get("/v1/workers", headers=bob).json()["data"]
        assert (seen["jobs_in_hand"], seen["jobs"]) == (1, [])
        [own] = client.get("/v1/workers", headers=alice).json()["data"]
        assert own["jobs"] == [hers]
