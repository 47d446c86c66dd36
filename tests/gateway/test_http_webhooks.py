"""Webhooks over HTTP: made, listed, deleted, and refused."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from services.gateway.app import create_app
from services.registry.settings import Settings
from services.registry.states import FINAL
from services.registry.webhooks import webhooks
from tests.gateway.conftest import HERE

URL = "https://example.org/hook"


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings.model_copy(update={"webhooks": True})), base_url=HERE) as client:
        yield client


def test_a_webhook_is_made_shown_and_deleted(client: TestClient) -> None:
    response = client.post("/v1/webhooks", json={"url": URL, "events": ["job.failed", "job.failed"]})
    made = response.json()
    assert (response.status_code, made["events"]) == (201, ["job.failed"])
    assert made["secret"].startswith("whsec_")
    home = response.headers["location"]
    shown = client.get(home).json()
    assert "secret" not in shown
    assert client.get("/v1/webhooks").json()["data"] == [shown]
    assert client.get(shown["links"]["deliveries"]).json()["data"] == []
    assert client.delete(home).status_code == 204
    assert client.get(home).json()["code"] == "webhook_not_found"


def test_all_ends_are_told_unless_chosen(client: TestClient) -> None:
    assert client.post("/v1/webhooks", json={"url": URL}).json()["events"] == sorted(
        f"job.{status.value}" for status in FINAL
    )


def test_an_end_leaves_a_message(client: TestClient) -> None:
    home = client.post("/v1/webhooks", json={"url": URL}).headers["location"]
    job = client.post("/v1/training-jobs", json={"preset": "sudoku-6x6"}).json()
    client.post(f"/v1/jobs/{job['id']}/cancel")
    [message] = client.get(f"{home}/deliveries").json()["data"]
    assert (message["payload"]["type"], message["payload"]["data"]["id"]) == ("job.cancelled", job["id"])
    assert (message["attempt"], message["outcome"]) == (0, None)
    assert client.delete(home).status_code == 204  # with its messages


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://169.254.169.254/latest", "https://example.org:5432/", "ftp://x/"]
)
def test_inner_addresses_are_refused(client: TestClient, url: str) -> None:
    response = client.post("/v1/webhooks", json={"url": url})
    assert (response.status_code, response.json()["code"]) == (422, "webhook_refused")
    assert response.json()["errors"][0]["pointer"] == "/url"


def test_no_more_than_some(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "MOST_ENDPOINTS", 1)
    codes = [client.post("/v1/webhooks", json={"url": URL}).status_code for _ in range(2)]
    assert codes == [201, 409]


def test_off_unless_the_operator_wants_them(settings: Settings) -> None:
    with TestClient(create_app(settings), base_url=HERE) as client:
        assert client.post("/v1/webhooks", json={"url": URL}).json()["code"] == "webhooks_off"
