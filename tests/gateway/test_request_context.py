"""The outermost layer: ids, and an answer when everything else has failed."""

import errno

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient


@pytest.mark.parametrize("given", ["abc-1.2_3", "x" * 128])
def test_a_decent_request_id_is_kept(client: TestClient, given: str) -> None:
    assert client.get("/livez", headers={"X-Request-ID": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\tb", "<script>"])
def test_any_other_is_replaced(client: TestClient, given: str) -> None:
    ours = client.get("/livez", headers={"X-Request-ID": given}).headers["x-request-id"]
    assert ours.startswith("req_")
    assert len(ours) == 36


def test_a_mistake_of_ours_is_a_problem_without_details(app: FastAPI, client: TestClient) -> None:
    @app.get("/mistake")
    def mistake() -> None:
        raise RuntimeError("the password is swordfish")

    response = client.get("/mistake")
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, problem["code"]) == (500, "internal_error")
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "swordfish" not in response.text
    assert 'trm_http_requests_total{method="GET",route="/mistake",status="500"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "storage_full"), (errno.EIO, "internal_error")])
def test_a_full_disk_is_told_from_other_failures(app: FastAPI, client: TestClient, number: int, code: str) -> None:
    @app.get("/write")
    def write() -> None:
        raise OSError(number, "disk trouble")

    assert client.get("/write").json()["code"] == code
