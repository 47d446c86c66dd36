"""Jobs ask for a worker over HTTP, are told when there is none, and say how many of its devices they want."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.registry.db.tables import Job
from services.registry.jobs import presence
from services.registry.jobs.presence import Presence
from services.registry.jobs.requirements import GIB, Capabilities
from tests.gateway.conftest import Book

GPU = {"device": "cuda", "min_memory_gb": 40, "labels": ["lab-a"]}
TRAINING = {"preset": "sudoku-4x4", "overrides": {"train.batch_size": 12}}


def appear(book: Book, name: str, offers: Capabilities, role: str = "train") -> None:
    with book.database.transaction() as session:
        presence.record(session, Presence(name, role, "10.0.0.1:9100", 8, offers))


def submitted(client: TestClient, body: dict[str, Any], kind: str = "training") -> dict[str, Any]:
    answer = client.post(f"/v1/{kind}-jobs", json=body)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def test_a_job_that_no_worker_can_run_says_so_until_there_is_one(client: TestClient, book: Book) -> None:
    appear(book, "laptop:1", Capabilities("cpu", 8, 16 * GIB))
    job = submitted(client, TRAINING | {"requires": GPU})
    assert job["requires"] == GPU
    assert any("No training worker" in warning for warning in job["estimate"]["warnings"])
    url, wanted = f"/v1/jobs/{job['id']}", "a train worker with an NVIDIA GPU, 40 GB of memory and the label lab-a"
    first = client.get(url)
    assert first.json()["waiting_for"] == wanted
    assert [row["waiting_for"] for row in client.get("/v1/jobs").json()["data"]] == [wanted]
    assert client.get(url, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    appear(book, "cluster:1", Capabilities("cuda", 2, 80 * GIB, "NVIDIA H100", ("lab-a",)))
    later = client.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (later.status_code, later.json()["waiting_for"], later.json()["queue_position"]) == (200, None, 1)
    plain = submitted(client, TRAINING)
    assert (plain["requires"], plain["estimate"]["warnings"]) == ({}, [])


def test_solve_and_evaluation_jobs_ask_too(client: TestClient) -> None:
    puzzle = ".1254..3..6.12....35.1245.3.1.2..3.."
    solve = submitted(client, {"model": "sudoku-6x6", "puzzle": puzzle, "requires": {"labels": ["b", "b"]}}, "solve")
    examined = submitted(client, {"model": "sudoku-6x6", "limit": 5, "requires": {"device": "cpu"}}, "evaluation")
    assert (solve["requires"], examined["requires"]) == ({"labels": ["b"]}, {"device": "cpu"})
    assert client.get(f"/v1/jobs/{solve['id']}").json()["waiting_for"] == "a solve worker with the label b"


def test_what_workers_offer_is_listed(client: TestClient, book: Book) -> None:
    appear(book, "cluster:1", Capabilities("cuda", 2, 80 * GIB, "NVIDIA H100", ("lab-a",)))
    [worker] = client.get("/v1/workers").json()["data"]
    offered = ("device", "device_name", "devices", "memory_gb", "labels")
    assert [worker[name] for name in offered] == ["cuda", "NVIDIA H100", 2, 80.0, ["lab-a"]]


@pytest.mark.parametrize(
    ("devices", "needed"),
    [({"devices": 4}, {"devices": 4}), ({"devices": 4, "min_devices": 2}, {"devices": 2}), ({"devices": 1}, {}),
     ({"devices": 4, "min_devices": 1}, {})],
)  # fmt: skip
def test_a_training_says_how_many_devices_it_wants(
    client: TestClient, book: Book, devices: dict[str, int], needed: dict[str, int]
) -> None:
    job = submitted(client, TRAINING | devices)
    assert job["requires"] == needed
    with book.database.transaction() as session:
        assert session.get_one(Job, job["id"]).request["devices"] == devices["devices"]


@pytest.mark.parametrize(
    ("fields", "pointer", "said"),
    [
        ({"devices": 5}, "/devices", "5 devices cannot share 12 slots"),
        ({"devices": 4, "min_devices": 5}, "/min_devices", "at most `devices`"),
        ({"min_devices": 2}, "/min_devices", "at most `devices`"),
        ({"devices": 0}, "/devices", "greater than or equal to 1"),
        ({"requires": {"device": "tpu"}}, "/requires/device", "cpu"),
        ({"requires": {"min_memory_gb": 0}}, "/requires/min_memory_gb", "greater than 0"),
        ({"requires": {"labels": ["a b"]}}, "/requires/labels/0", "begin with a letter"),
        ({"requires": {"gpu": True}}, "/requires/gpu", "gpu"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(client: TestClient, fields: dict[str, Any], pointer: str, said: str) -> None:
    answer = client.post("/v1/training-jobs", json=TRAINING | fields)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "request_invalid")
    assert problem["errors"][0]["pointer"] == pointer, problem
    assert said in answer.text
