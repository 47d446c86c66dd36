"""Checkpoints taken home: file by file or as a tar, whole or in parts; and deleted."""

import io
import tarfile
from datetime import datetime

import pytest
from fastapi.testclient import TestClient

from services.gateway.views.download import CHUNK_BYTES
from services.registry.access.visibility import EVERYTHING
from services.registry.jobs import completion
from services.registry.runs import checkpoints
from services.registry.states import JobStatus
from tests.gateway.conftest import FILES, Book

WEIGHTS = FILES["weights.safetensors"]


def file_of(model: str, name: str = "weights.safetensors") -> str:
    return f"/v1/checkpoints/{model}/files/{name}"


def test_its_files_are_listed_and_sent_as_they_are(client: TestClient, model: str) -> None:
    listed = client.get(f"/v1/checkpoints/{model}/files").json()["data"]
    assert [(file["name"], file["bytes"]) for file in listed] == [(name, len(FILES[name])) for name in sorted(FILES)]
    for file in listed:
        answer = client.get(file["links"]["self"])
        assert (answer.status_code, answer.content) == (200, FILES[file["name"]])
        assert answer.headers["content-length"] == str(file["bytes"])
        assert answer.headers["accept-ranges"] == "bytes"
        assert file["name"] in answer.headers["content-disposition"]


def test_a_large_file_comes_whole(client: TestClient, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    large = bytes(3 * CHUNK_BYTES + 17)
    monkeypatch.setitem(FILES, "state.safetensors", large)
    model = book.checkpoint(book.training()[1])
    assert client.get(file_of(model, "state.safetensors")).content == large
    whole = io.BytesIO(client.get(f"/v1/checkpoints/{model}/archive").content)
    with tarfile.open(fileobj=whole) as archive:
        assert {member.size for member in archive.getmembers()} == {len(content) for content in FILES.values()}


def test_a_tar_holds_them_all_in_one_folder(client: TestClient, model: str) -> None:
    answer = client.get(f"/v1/checkpoints/{model}/archive")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-tar")
    assert int(answer.headers["content-length"]) == len(answer.content)
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        assert archive.getnames() == [f"{model}/{name}" for name in sorted(FILES)]
        for name, content in FILES.items():
            member = archive.extractfile(f"{model}/{name}")
            assert member is not None
            assert member.read() == content
        made = client.get(f"/v1/checkpoints/{model}").json()["created_at"]
        assert {m.mtime for m in archive.getmembers()} == {int(datetime.fromisoformat(made).timestamp())}


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=10-99", slice(10, 100)),
        ("bytes=2000-", slice(2000, None)),
        ("bytes=-5", slice(len(WEIGHTS) - 5, None)),
        ("bytes=-999999", slice(0, None)),
        ("bytes=100-999999", slice(100, None)),
    ],
)
def test_a_part_of_a_file(client: TestClient, model: str, asked: str, part: slice) -> None:
    answer = client.get(file_of(model), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, WEIGHTS[part])
    begin, end, _ = part.indices(len(WEIGHTS))
    assert answer.headers["content-range"] == f"bytes {begin}-{end - 1}/{len(WEIGHTS)}"


def test_a_tar_that_broke_off_is_gone_on_with(client: TestClient, model: str) -> None:
    path = f"/v1/checkpoints/{model}/archive"
    whole = client.get(path)
    for cut in (1, 511, 512, 600, 2000, len(whole.content) - 1):
        headers = {"Range": f"bytes={cut}-", "If-Range": whole.headers["etag"]}
        rest = client.get(path, headers=headers)
        assert (rest.status_code, whole.content[:cut] + rest.content) == (206, whole.content)
    assert client.get(path, headers={"Range": "bytes=9-", "If-Range": '"other"'}).content == whole.content


@pytest.mark.parametrize("asked", ["bytes=1-2,4-5", "lines=1-2", "bytes=", "bytes=5-2x"])
def test_ranges_that_are_none_are_answered_with_all(client: TestClient, model: str, asked: str) -> None:
    answer = client.get(file_of(model), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, WEIGHTS)


@pytest.mark.parametrize("asked", ["bytes=2048-", "bytes=5-2", "bytes=-0"])
def test_a_part_beyond_the_end_is_refused(client: TestClient, model: str, asked: str) -> None:
    answer = client.get(file_of(model), headers={"Range": asked})
    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{len(WEIGHTS)}"


def test_what_is_not_there_is_said(client: TestClient, book: Book, model: str) -> None:
    assert client.get(file_of(model, "no.such")).json()["code"] == "checkpoint_file_not_found"
    assert client.get(file_of(model, "..%2Fmeta.json")).status_code == 404
    with book.database.transaction() as session:
        book.storage.delete_folder(checkpoints.get(session, EVERYTHING, model).url)
    for path in (file_of(model), f"/v1/checkpoints/{model}/archive", f"/v1/checkpoints/{model}/files"):
        assert client.get(path).json()["code"] == "storage_unavailable"


def test_a_deleted_one_is_gone_for_all(client: TestClient, book: Book) -> None:
    _, claim = book.training()
    first, last = book.checkpoint(claim, 50), book.checkpoint(claim, 100)
    assert client.delete(f"/v1/checkpoints/{first}").status_code == 204
    assert client.get(f"/v1/checkpoints/{first}").status_code == 404
    assert client.delete(f"/v1/checkpoints/{first}").json()["code"] == "checkpoint_not_found"
    with book.database.transaction() as session:
        assert [row.id for row in checkpoints.list_retired(session)] == [first]
    going_on = client.delete(f"/v1/checkpoints/{last}").json()
    assert (going_on["status"], going_on["code"]) == (409, "checkpoint_in_use")  # the training continues from it
    with book.database.transaction() as session:
        completion.finish(session, claim, JobStatus.SUCCEEDED)
    assert client.delete(f"/v1/checkpoints/{last}").status_code == 204


def test_one_that_a_job_solved_with_stays(client: TestClient, book: Book) -> None:
    _, claim = book.training()
    model = book.checkpoint(claim)
    with book.database.transaction() as session:
        completion.finish(session, claim, JobStatus.SUCCEEDED)
    client.post("/v1/solve-jobs", json={"model": model, "puzzle": "1..4.4..4.2..1.."})
    assert client.delete(f"/v1/checkpoints/{model}").json()["code"] == "checkpoint_in_use"
    assert client.get(file_of(model)).status_code == 200
