"""The gateway over a bucket: checkpoints downloaded in parts, data sets uploaded, and what is said when the bucket is away."""

import os

import pytest
from fastapi.testclient import TestClient
from s3fs import S3FileSystem

from services.gateway.app import create_app
from services.registry.settings import Settings
from services.registry.storage import s3
from tests.conftest import free_port
from tests.gateway.conftest import FILES, HERE, Book
from tests.gateway.test_http_datasets import csv, post, rows

WEIGHTS = os.urandom(2 * s3.BLOCK_BYTES + 12_345)


@pytest.fixture
def settings(settings: Settings, s3_url: str) -> Settings:
    return settings.model_copy(update={"storage_url": s3_url})


@pytest.fixture
def path(book: Book, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the weights of a checkpoint are to be had."""
    monkeypatch.setitem(FILES, "weights.safetensors", WEIGHTS)
    return f"/v1/checkpoints/{book.checkpoint(book.training()[1])}"


@pytest.mark.slow
def test_a_checkpoint_is_downloaded_in_parts(client: TestClient, path: str) -> None:
    file = f"{path}/files/weights.safetensors"
    assert client.get(file).content == WEIGHTS
    edge = s3.BLOCK_BYTES
    for begin, end in ((0, 1), (10, 100), (edge - 1, edge + 1), (edge + 7, len(WEIGHTS))):
        answer = client.get(file, headers={"Range": f"bytes={begin}-{end - 1}"})
        assert (answer.status_code, answer.content) == (206, WEIGHTS[begin:end])
    listed = client.get(f"{path}/files").json()["data"]
    assert {row["name"]: row["bytes"] for row in listed} == {name: len(data) for name, data in FILES.items()}
    whole = client.get(f"{path}/archive").content
    rest = client.get(f"{path}/archive", headers={"Range": f"bytes={len(whole) - 9_000_000}-"})
    assert rest.content == whole[-9_000_000:]


def test_a_data_set_is_kept_there(client: TestClient, settings: Settings) -> None:
    answer = post(client, csv(rows()))
    assert answer.status_code == 201, answer.text
    puzzles = client.get(f"/v1/datasets/{answer.json()['id']}/puzzles?split=train")
    assert puzzles.status_code == 200, puzzles.text
    assert len(puzzles.json()["data"]) > 0
    assert not (settings.data_dir / "artifacts").exists()


def test_a_bucket_that_is_away_is_told(settings: Settings, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port('127.0.0.1')}")
    monkeypatch.setattr(s3, "TRIES", 1)
    with TestClient(create_app(settings), base_url=HERE) as cut_off:
        answer = cut_off.get(f"{path}/files")
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
        refused = post(cut_off, csv(rows()))
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
        assert all(dataset["builtin"] for dataset in cut_off.get("/v1/datasets").json()["data"])
