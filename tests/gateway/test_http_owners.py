"""Owners do not see each other: every route of the OpenAPI document is tried with another's key."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event

from services.registry.access.scopes import Scope
from services.registry.access.visibility import OWNERS, PARENTS, AccessScope
from services.registry.db.database import Database
from services.registry.settings import Settings
from services.registry.webhooks import webhooks
from tests.gateway.conftest import Book
from tests.gateway.keys import guarded, header
from tests.openapi import PATHS

OPERATIONS = sorted(
    (method.upper(), path) for path, item in PATHS.items() for method in item if path.startswith("/v1/")
)
PUBLIC = ("/v1/presets", "/v1/problems", "/v1/models")  # the same for all callers: they came with the code
SHARED = ("/v1/queue", "/v1/workers")  # numbers over all owners: tests/gateway/test_http_queue.py
ADMINS = ("/v1/api-keys", "/v1/audit")
PUZZLE = "1.3.3.1.2.4...2."
ROWS = "question,answer\n" + "\n".join([f"{'.' * 16},1234341221434321", f"1{'.' * 15},1234341221434321"])


@dataclass
class World:
    """Everything that alice has, and bob, who has nothing."""

    client: TestClient
    alice: dict[str, str]
    bob: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)  # path parameter -> alice's


@pytest.fixture
def world(settings: Settings, database: Database) -> Iterator[World]:
    with guarded(settings, webhooks=True) as client:
        made = World(client, header(database, "alice"), header(database, "bob"))
        made.ids = _possessions(made, Book(client.app.state.backends))  # type: ignore[attr-defined]
        yield made


def _possessions(world: World, book: Book) -> dict[str, str]:
    """One of each thing, finished, so that every route has something to show."""
    post = world.client.post
    training = post(
        "/v1/training-jobs", json={"preset": "sudoku-6x6", "dataset": "sudoku-4x4"}, headers=world.alice
    ).json()
    claim = book.claim(training["id"])
    checkpoint = book.checkpoint(claim)
    book.metric(claim, 1)
    asked = {"model": checkpoint, "puzzle": PUZZLE, "keep_carry": True}
    job = post("/v1/solve-jobs", json=asked, headers=world.alice).json()
    book.solve(book.claim(job["id"]), carry=b"state")
    form = {"name": "hers", "kind": "sudoku"}
    files = {"file": ("a.csv", ROWS.encode()), "test_file": ("b.csv", ROWS.encode())}
    dataset = post("/v1/datasets", data=form, files=files, headers=world.alice).json()
    webhook = post("/v1/webhooks", json={"url": "https://example.org/"}, headers=world.alice).json()
    return {
        "job_id": job["id"],
        "run_id": training["run_id"],
        "checkpoint_id": checkpoint,
        "id_or_name": dataset["id"],
        "webhook_id": webhook["id"],
        "index": "0",
        "file": "meta.json",
        "training": training["id"],
    }


def filled(path: str, ids: dict[str, str]) -> str:
    """The path with alice's ids; a parameter that this test does not know fails it."""
    return path.format(**{"name": "sudoku-6x6", "code": "job_not_found", "key_id": "key_x"} | ids)


def test_every_route_hides_what_is_anothers(world: World) -> None:
    hidden = shown = 0
    for method, path in OPERATIONS:
        if path.startswith((*PUBLIC, *SHARED, *ADMINS)) or method == "DELETE":
            continue
        target = filled(path, world.ids)
        if "{" in path:
            hers = world.client.request("GET" if method == "GET" else "HEAD", target, headers=world.alice)
            assert method != "GET" or hers.status_code == 200, (target, hers.text)  # so a 404 means something
            his = world.client.request(method, target, headers=world.bob)
            assert his.status_code == 404, (method, target, his.text)
            hidden += 1
        elif method == "GET":
            her_page, his_page = (world.client.get(target, headers=who).text for who in (world.alice, world.bob))
            assert any(own in her_page for own in world.ids.values() if own != "0"), target
            assert [own for own in world.ids.values() if own != "0" and own in his_page] == [], target
            shown += 1
    routes = [
        path for method, path in OPERATIONS if method != "DELETE" and not path.startswith((*PUBLIC, *SHARED, *ADMINS))
    ]
    assert hidden == len([path for path in routes if "{" in path]) >= 13
    assert shown == 5


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    sent: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


OWNED = "|".join(table.__tablename__ for table in (*OWNERS, *PARENTS))
READS = re.compile(rf"\b(?:FROM|JOIN|UPDATE) ({OWNED})\b")
WITHOUT_AN_OWNER = (  # and why that is right
    "FROM api_keys WHERE api_keys.id = ",  # who the caller is, is being found out
    "UPDATE api_keys SET last_used_at",
    "GROUP BY jobs.owner",  # how many jobs wait in all
    "FOR KEY SHARE",  # a checkpoint that was found for its owner before is kept
    "UPDATE jobs SET published_at",  # of jobs just made
    "row_number() OVER (PARTITION BY jobs.kind",  # a place in the line that all owners stand in
    "GROUP BY jobs.status",  # how long that line is
    "avg(latest.took)",  # and how fast it moves
    "SELECT jobs.worker, jobs.id FROM jobs WHERE jobs.status = 'running' ORDER BY",  # how many jobs a worker is at
    "AND NOT ((EXISTS (SELECT jobs.id",  # whether any owner's job uses a checkpoint that was found for its owner before
    "jobs.run_id = %(run_id_1)s::VARCHAR AND jobs.kind = ",  # whether its run still trains
)


def test_no_query_for_a_caller_is_without_its_owner(world: World) -> None:
    engine = world.client.app.state.backends.database.engine  # type: ignore[attr-defined]
    with statements(engine) as sent:
        for method, path in sorted(OPERATIONS, key=lambda operation: operation[0] == "DELETE"):  # these last
            body = {"preset": "sudoku-6x6", "name": "x"} if path == "/v1/training-jobs" else None
            if path == "/v1/solve-jobs":
                body = {"model": world.ids["run_id"], "puzzle": PUZZLE}
            if not path.startswith((*PUBLIC, *ADMINS)):
                for who in (world.bob, world.alice):
                    headers = who | {"Idempotency-Key": "one"} if method == "POST" else who
                    world.client.request(method, filled(path, world.ids), headers=headers, json=body)
    asked = [statement for statement in sent if READS.search(statement)]
    assert {table for statement in asked for table in READS.findall(statement)} == {*OWNED.split("|")} - {"audit_log"}
    unbound = [one for one in asked if "owner = %" not in one and not any(known in one for known in WITHOUT_AN_OWNER)]
    assert unbound == []


def test_what_is_anothers_cannot_be_used_or_deleted(world: World, database: Database) -> None:
    post, ids = world.client.post, world.ids
    for model in (ids["checkpoint_id"], ids["run_id"]):
        for _ in range(2):  # the second time its configuration might be remembered
            mine = post("/v1/solve-jobs", json={"model": model, "puzzle": PUZZLE}, headers=world.alice)
            assert mine.status_code == 202
            response = post("/v1/solve-jobs", json={"model": model, "puzzle": PUZZLE}, headers=world.bob)
            assert (response.status_code, response.json()["code"]) == (422, "model_unknown")
    for dataset in (ids["id_or_name"], "hers"):
        body = {"preset": "sudoku-6x6", "dataset": dataset}
        assert post("/v1/training-jobs", json=body, headers=world.bob).json()["code"] == "dataset_unknown"
        assert post("/v1/training-jobs", json=body, headers=world.alice).status_code == 202
    for hers in (f"/v1/webhooks/{ids['webhook_id']}", f"/v1/checkpoints/{ids['checkpoint_id']}"):
        assert world.client.delete(hers, headers=world.bob).status_code == 404
    with database.transaction() as session:
        assert webhooks.get(session, AccessScope("alice"), ids["webhook_id"]).disabled_at is None


def test_another_owners_training_cannot_be_continued(world: World) -> None:
    for beginning in (world.ids["checkpoint_id"], world.ids["run_id"]):
        body = {"from_checkpoint": beginning}
        refused = world.client.post("/v1/training-jobs", json=body, headers=world.bob)
        assert (refused.status_code, refused.json()["code"]) == (422, "model_unknown")
        assert world.client.post("/v1/training-jobs", json=body, headers=world.alice).status_code == 202
        again = world.client.post("/v1/training-jobs", json=body, headers=world.bob)
        assert (again.status_code, again.json()["code"]) == (422, "model_unknown")


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "retry"])
def test_only_the_owner_and_admins_move_a_job(world: World, database: Database, verb: str) -> None:
    job = world.client.post("/v1/training-jobs", json={"preset": "sudoku-6x6"}, headers=world.alice).json()
    path = f"/v1/jobs/{job['id']}"
    if before := {"resume": "pause", "retry": "cancel"}.get(verb):
        world.client.post(f"{path}/{before}", headers=world.alice)
    was = world.client.get(path, headers=world.alice).json()
    refused = world.client.post(f"{path}/{verb}", headers=world.bob)
    assert (refused.status_code, refused.json()["code"]) == (404, "job_not_found")
    assert world.client.get(path, headers=world.alice).json() == was
    admin = header(database, "root", Scope.ADMIN)
    assert world.client.post(f"{path}/{verb}", headers=admin).status_code == 202
    assert world.client.get(path, headers=world.alice).json() != was


def test_idempotency_keys_are_each_owners(world: World) -> None:
    mark, body = {"Idempotency-Key": "one"}, {"preset": "sudoku-6x6"}
    first, second, same = (
        world.client.post("/v1/training-jobs", json=body, headers={**who, **mark})
        for who in (world.alice, world.bob, world.alice)
    )
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] != second.json()["id"]
    assert (same.json()["id"], same.headers["idempotency-replayed"]) == (first.json()["id"], "true")


def test_the_cap_on_waiting_jobs_is_each_owners(settings: Settings, database: Database) -> None:
    with guarded(settings, max_queued_jobs_per_owner=1) as client:
        alice, hers_too, bob = header(database, "alice"), header(database, "alice"), header(database, "bob")
        statuses = [
            client.post("/v1/training-jobs", json={"preset": "sudoku-6x6"}, headers=who).status_code
            for who in (alice, hers_too, bob)
        ]
    assert statuses == [202, 429, 202]


def test_names_of_data_sets_are_each_owners(world: World) -> None:
    files = {"file": ("a.csv", ROWS.encode()), "test_file": ("b.csv", ROWS.encode())}
    response = world.client.post("/v1/datasets", data={"name": "hers"}, files=files, headers=world.bob)
    assert response.status_code == 201
    assert world.client.get("/v1/datasets/hers", headers=world.bob).json()["id"] == response.json()["id"]
    assert world.client.get("/v1/datasets/hers", headers=world.alice).json()["id"] == world.ids["id_or_name"]


def test_an_admin_sees_everything(world: World, database: Database) -> None:
    admin = header(database, "root", Scope.ADMIN)
    for method, path in OPERATIONS:
        if method == "GET" and not path.startswith(PUBLIC) and "{key_id}" not in path:
            assert world.client.get(filled(path, world.ids), headers=admin).status_code == 200, path
    assert len(world.client.get("/v1/jobs", headers=admin).json()["data"]) == 2


def test_cursors_do_not_lead_to_anothers(world: World) -> None:
    for _ in range(3):
        world.client.post("/v1/training-jobs", json={"preset": "sudoku-6x6"}, headers=world.alice)
    cursor = world.client.get("/v1/jobs?limit=1", headers=world.alice).json()["next_cursor"]
    assert world.client.get("/v1/jobs", params={"cursor": cursor}, headers=world.bob).json()["data"] == []
