"""A service that has too much to do, or no room, says so before it takes more."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from fastapi.testclient import TestClient

from services.gateway.app import create_app
from services.registry.settings import Settings
from tests.gateway.conftest import HERE

TRAINING = {"preset": "sudoku-6x6"}
Gateway = Callable[..., AbstractContextManager[TestClient]]


@pytest.fixture
def gateway(settings: Settings) -> Gateway:
    @contextmanager
    def make(**changes: int) -> Iterator[TestClient]:
        with TestClient(create_app(settings.model_copy(update=changes)), base_url=HERE) as client:
            yield client

    return make


@pytest.mark.parametrize("cap", ["max_queued_jobs", "max_queued_jobs_per_owner"])
def test_a_full_queue_refuses_until_there_is_room(gateway: Gateway, cap: str) -> None:
    with gateway(**{cap: 2}) as client:
        first, second, refused = (client.post("/v1/training-jobs", json=TRAINING) for _ in range(3))
        assert (first.status_code, second.status_code) == (202, 202)
        assert (refused.status_code, refused.json()["code"]) == (429, "queue_full")
        assert int(refused.headers["retry-after"]) > 0
        client.post(f"/v1/jobs/{first.json()['id']}/cancel")
        assert client.post("/v1/training-jobs", json=TRAINING).status_code == 202


def test_what_was_taken_already_is_answered_though_the_queue_is_full(gateway: Gateway) -> None:
    key = {"Idempotency-Key": "one"}
    with gateway(max_queued_jobs=1) as client:
        first = client.post("/v1/training-jobs", json=TRAINING, headers=key)
        assert client.post("/v1/training-jobs", json=TRAINING).status_code == 429
        assert client.post("/v1/training-jobs", json=TRAINING, headers=key).content == first.content


def test_without_room_for_checkpoints_no_training_begins(gateway: Gateway) -> None:
    with gateway(min_free_bytes=1 << 60) as client:
        response = client.post("/v1/training-jobs", json=TRAINING)
        assert (response.status_code, response.json()["code"]) == (507, "storage_full")
        assert client.get("/v1/jobs").json()["data"] == []
