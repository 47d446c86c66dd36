"""Requests that are marked with an Idempotency-Key are done once, however often they are sent."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Client, Response
from sqlalchemy import func, select, text

from services.gateway.server import Server
from services.registry.db.database import Database
from services.registry.db.tables import Dataset, IdempotencyKey, Job, Run
from services.registry.submissions import idempotency
from tests.gateway.conftest import HERE, Book

KEY = {"Idempotency-Key": "3f1c-one"}
CSV = b"question,answer\n" + b"\n".join(
    row.encode() for row in ("12..............,1234341221434321", "..34............,1234341221434321")
)
TRAINING = {"preset": "sudoku-6x6"}


def count(database: Database, table: Any) -> int:  # noqa: ANN401
    with database.transaction() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def check_replay(first: Response, again: Response) -> None:
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers.get("retry-after") == first.headers.get("retry-after")


def test_a_training_that_is_asked_for_again_is_the_same(client: TestClient, database: Database) -> None:
    first = client.post("/v1/training-jobs", json=TRAINING, headers=KEY)
    client.post(f"/v1/jobs/{first.json()['id']}/cancel")
    check_replay(first, client.post("/v1/training-jobs", json=TRAINING | {"overrides": {}}, headers=KEY))
    assert (count(database, Job), count(database, Run)) == (1, 1)


def test_a_solve_that_is_asked_for_again_is_the_same_and_can_be_waited_for(
    client: TestClient, book: Book, model: str
) -> None:
    body = {"model": model, "puzzle": "1..4.4..4.2..1.."}
    first = client.post("/v1/solve-jobs", json=body, headers=KEY)
    check_replay(first, client.post("/v1/solve-jobs", json=body, headers=KEY))
    book.solve(book.claim(first.json()["id"]))
    waited = client.post("/v1/solve-jobs", json=body, headers=KEY | {"Prefer": "wait=5"})
    assert (waited.status_code, waited.json()["id"], waited.json()["status"]) == (200, first.json()["id"], "succeeded")
    assert waited.headers["idempotency-replayed"] == "true"


def test_the_same_key_with_another_body_is_refused(client: TestClient, database: Database) -> None:
    client.post("/v1/training-jobs", json=TRAINING, headers=KEY)
    response = client.post("/v1/training-jobs", json=TRAINING | {"name": "other"}, headers=KEY)
    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert count(database, Job) == 1


def test_a_key_counts_for_its_route_alone_and_other_keys_are_other_requests(
    client: TestClient, database: Database, model: str
) -> None:
    before = count(database, Job)
    client.post("/v1/training-jobs", json=TRAINING, headers=KEY)
    client.post("/v1/solve-jobs", json={"model": model, "puzzle": "1..4.4..4.2..1.."}, headers=KEY)
    client.post("/v1/training-jobs", json=TRAINING, headers={"Idempotency-Key": "two"})
    client.post("/v1/training-jobs", json=TRAINING)
    assert count(database, Job) == before + 4


def test_a_refused_request_does_not_use_up_its_key(client: TestClient) -> None:
    assert client.post("/v1/training-jobs", json={"preset": "moon"}, headers=KEY).status_code == 422
    assert client.post("/v1/training-jobs", json=TRAINING, headers=KEY).status_code == 202


def test_twenty_at_once_make_one_job(server: Server, database: Database) -> None:
    def post(_: int) -> Response:
        with Client(base_url=server.url, timeout=30) as http:
            return http.post("/v1/training-jobs", json=TRAINING, headers=KEY)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert (count(database, Job), count(database, Run)) == (1, 1)


def test_another_gateway_that_is_about_to_take_the_same_request_is_waited_for(
    client: TestClient,
    app: FastAPI,
    settings: Any,  # noqa: ANN401
) -> None:
    from services.gateway.app import create_app

    with TestClient(create_app(settings), base_url=HERE) as other, ThreadPoolExecutor(10) as pool:
        asked = [
            pool.submit(gateway.post, "/v1/training-jobs", json=TRAINING, headers=KEY)
            for _ in range(5)
            for gateway in (client, other)
        ]
        answers = [one.result(30) for one in asked]
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


def test_an_answer_that_was_lost_after_the_commit_is_given_again(
    server: Server, app: FastAPI, database: Database
) -> None:
    with database.transaction() as session:  # no job can be committed now
        session.execute(text("LOCK TABLE jobs IN SHARE MODE"))
        with pytest.raises(Exception, match="timed out"), Client(base_url=server.url, timeout=0.5) as http:
            http.post("/v1/training-jobs", json=TRAINING, headers=KEY)
    with Client(base_url=server.url, timeout=30) as http:
        answer = http.post("/v1/training-jobs", json=TRAINING, headers=KEY)
    assert answer.headers["idempotency-replayed"] == "true"
    assert count(database, Job) == 1


def test_a_retry_is_done_once(client: TestClient, database: Database) -> None:
    job = client.post("/v1/training-jobs", json=TRAINING).json()
    path = f"/v1/jobs/{job['id']}/retry"
    assert client.post(path, headers=KEY).status_code == 409  # and leaves the key free
    client.post(f"/v1/jobs/{job['id']}/cancel")
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: client.post(path, headers=KEY), range(5)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert client.post(path).status_code == 409


def test_an_upload_is_done_once(client: TestClient, database: Database) -> None:
    def post(name: str = "mine", file: bytes = CSV) -> Response:
        files = {"file": ("a.csv", file), "test_file": ("b.csv", CSV)}
        return client.post("/v1/datasets", files=files, data={"name": name}, headers=KEY)

    first = post()
    assert first.status_code == 201, first.text
    check_replay(first, post())
    assert post("other").json()["code"] == "idempotency_key_reused"
    assert post(file=CSV + b"\n").json()["code"] == "idempotency_key_reused"
    assert count(database, Dataset) == 1


def test_uploads_at_once_are_one(client: TestClient, database: Database) -> None:
    def post(_: int) -> Response:
        files = {"file": ("a.csv", CSV), "test_file": ("b.csv", CSV)}
        return client.post("/v1/datasets", files=files, data={"name": "mine"}, headers=KEY)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(post, range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert count(database, Dataset) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
def test_a_key_that_is_none_is_refused(client: TestClient, key: str) -> None:
    response = client.post("/v1/training-jobs", json=TRAINING, headers={"Idempotency-Key": key})
    assert (response.status_code, response.json()["errors"][0]["parameter"]) == (422, "idempotency-key")


def test_old_keys_are_forgotten(client: TestClient, database: Database) -> None:
    client.post("/v1/training-jobs", json=TRAINING, headers=KEY)
    with database.transaction() as session:
        assert idempotency.forget_old(session) == 0
    with database.transaction() as session:
        assert idempotency.forget_old(session, hours=0) == 1
    assert count(database, IdempotencyKey) == 0
    assert "idempotency-replayed" not in client.post("/v1/training-jobs", json=TRAINING, headers=KEY).headers
