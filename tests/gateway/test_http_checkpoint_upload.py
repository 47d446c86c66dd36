"""Uploading a model: what `trm export` has written becomes a checkpoint, and nothing else does."""

import hashlib
import io
import json
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from services.gateway.app import create_app
from services.registry.access.visibility import EVERYTHING
from services.registry.db.tables import Run
from services.registry.runs import checkpoints
from services.registry.settings import Settings
from services.registry.storage.artifacts import is_checkpoint
from tests.gateway.conftest import Book
from trm.checkpoints import tensor_file
from trm.interface.pretrained import pretrained
from trm.solving.solver import Solver
from workers.retention import clear_out

SHIPPED = pretrained("sudoku-6x6")
PUZZLE = ".1254..3..6.12....35.1245.3.1.2..3.."
Files = dict[str, bytes]


@pytest.fixture
def files() -> Files:
    """An exported folder."""
    return {path.name: path.read_bytes() for path in SHIPPED.folder.iterdir()}


def tar(files: Files, folder: str = "mine/", *, mode: Any = "w") -> bytes:  # noqa: ANN401  a literal of tarfile
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{folder}{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def upload(client: TestClient, content: bytes, headers: dict[str, str] | None = None, **fields: str) -> Response:
    return client.post("/v1/checkpoints", files={"file": ("m.tar", content)}, data=fields, headers=headers)


def folder_of(app: FastAPI, checkpoint_id: str, into: Path) -> tuple[Path, str]:
    backends = app.state.backends
    with backends.database.transaction() as session:
        row = checkpoints.get(session, EVERYTHING, checkpoint_id)
        return backends.storage.fetch_folder(row.url, into), row.digest


def relisted(files: Files, **changes: Any) -> Files:  # noqa: ANN401
    """The folder with these keys of its config.json, and digests that are right."""
    document = json.loads(files["config.json"]) | changes
    weights = files["model.safetensors"]
    document["files"]["model.safetensors"] = {"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}
    return files | {"config.json": json.dumps(document).encode()}


def test_an_exported_model_becomes_a_checkpoint_that_answers_alike(
    client: TestClient, app: FastAPI, files: Files, tmp_path: Path
) -> None:
    response = upload(client, tar(files), name="from afar")
    assert response.status_code == 201, response.text
    checkpoint = response.json()
    assert response.headers["location"] == checkpoint["links"]["self"]
    assert (checkpoint["step"], checkpoint["attempt"]) == (SHIPPED.step, 0)
    folder, digest = folder_of(app, checkpoint["id"], tmp_path / "fetched")
    assert is_checkpoint(folder, digest)  # as a backup checks it
    mine, original = (Solver.load(place, "cpu") for place in (folder, SHIPPED.folder))
    assert mine.solve(PUZZLE).answer == original.solve(PUZZLE).answer
    run = client.get(f"/v1/runs/{checkpoint['run_id']}").json()
    assert (run["name"], run["job_id"], run["parameters"]) == ("from afar", None, SHIPPED.parameters)
    assert run["config"] == json.loads(SHIPPED.config.model_dump_json())


def test_it_is_solved_with_promoted_and_trained_on(client: TestClient, files: Files) -> None:
    checkpoint = upload(client, tar(files)).json()["id"]
    assert client.post("/v1/models", json={"name": "mine", "checkpoint": checkpoint}).status_code == 200
    assert client.post("/v1/solve-jobs", json={"model": "mine", "puzzle": PUZZLE}).json()["model"] == checkpoint
    assert client.post("/v1/training-jobs", json={"from_checkpoint": checkpoint}).status_code == 202


def test_the_archive_of_a_checkpoint_is_taken_back(client: TestClient, files: Files) -> None:
    first = upload(client, tar(files)).json()
    archive = client.get(first["links"]["archive"]).content
    second = upload(client, archive).json()
    assert second["run_id"] != first["run_id"]
    names = [{f["name"] for f in client.get(one["links"]["files"]).json()["data"]} for one in (first, second)]
    assert names == [{"meta.json", "model.safetensors"}] * 2


def broken(files: Files, change: Callable[[dict[str, torch.Tensor]], None], tmp_path: Path) -> Files:
    """The folder with other tensors, and the right digests of them."""
    (tmp_path / "before").write_bytes(files["model.safetensors"])
    tensors = {name: tensor.clone() for name, tensor in tensor_file.read(tmp_path / "before").items()}
    change(tensors)
    tensor_file.write(tmp_path / "after", tensors)
    return relisted(files | {"model.safetensors": (tmp_path / "after").read_bytes()})


def _not_a_number(tensors: dict[str, torch.Tensor]) -> None:
    next(iter(tensors.values())).view(-1)[-1] = float("nan")


def _pickled(files: Files) -> Files:
    return relisted(files | {"model.safetensors": pickle.dumps({"a": [1.0]}) * 20})


def _link(_: Files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("mine/model.safetensors")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return out.getvalue()


def header(kind: bytes, size: int) -> bytes:
    """A raw header, of any type and size."""
    info = tarfile.TarInfo("mine/config.json")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def extended(headers: dict[str, str]) -> bytes:
    """A member with these extended headers."""
    info = tarfile.TarInfo("config.json")
    info.pax_headers = headers
    return info.tobuf(tarfile.PAX_FORMAT)


MIB = 1 << 20
# Headers that tarfile keeps in memory, looks through in time that grows with their square, or reads inside each other.
HEADERS: dict[str, bytes] = {
    "a long name": header(tarfile.GNUTYPE_LONGNAME, MIB) + b"a" * MIB,
    "a long link": header(tarfile.GNUTYPE_LONGLINK, MIB) + b"a" * MIB,
    "extended": header(tarfile.XHDTYPE, MIB) + b"0" * MIB,
    "for all members": header(tarfile.XGLTYPE, MIB) + b"0" * MIB,
    "of Solaris": header(tarfile.SOLARIS_XHDTYPE, MIB) + b"0" * MIB,
    "names before names": (header(tarfile.GNUTYPE_LONGNAME, 512) + b"a" * 512) * 3000,
    "extended before extended": (header(tarfile.XHDTYPE, 512) + b"16 comment=aaaa\n".ljust(512, b"\0")) * 3000,
    "sparse without a map": header(tarfile.GNUTYPE_SPARSE, 0),
    "sparse with words for numbers": extended({"GNU.sparse.map": "0,a", "GNU.sparse.size": "9"}),
    "a negative size": extended({"size": "-5"}),
    "a size beyond every file": extended({"size": "9" * 40}),
    "a size beyond every file, in what is passed over": extended({"size": "9" * 40, "path": "x.md"}),
    "a negative size, in what is passed over": header(tarfile.REGTYPE, -(2**40)).replace(b"config.json", b"config.jsom"),
    "half a surrogate": extended({"hdrcharset": "BINARY", "path": "\udcff"}),
}  # fmt: skip

REFUSED: dict[str, tuple[Callable[[Files], bytes], str]] = {
    "no tar": (lambda _: b"PK\x03\x04" + bytes(2000), "no tar"),
    "compressed": (lambda files: tar(files, mode="w:gz"), "no tar"),
    "cut short": (lambda files: tar(files)[: len(files["model.safetensors"]) // 2], "cut short|missing|differs"),
    "no listing": (lambda files: tar({"model.safetensors": files["model.safetensors"]}), "neither meta.json nor"),
    "no weights": (lambda files: tar({"config.json": files["config.json"]}), "listed and missing"),
    "another's format": (lambda files: tar(relisted(files, format="else/1")), "not written as trm-export/1"),
    "no step": (lambda files: tar(relisted(files, step="many")), "does not describe a model"),
    "a step beyond every number": (lambda files: tar(relisted(files, step=2**63)), "does not describe a model"),
    "metrics in words": (lambda files: tar(relisted(files, metrics={"exact_accuracy": "high"})), "metrics are no numbers"),
    "no configuration": (lambda files: tar(relisted(files, config={})), "does not describe a model"),
    "other bytes": (lambda f: tar(f | {"model.safetensors": f["model.safetensors"][:-1] + b"x"}), "differs from what was written"),
    "a pickle": (lambda files: tar(_pickled(files)), "header"),
    "upwards": (lambda files: tar(files, "../"), "no plain file in one folder"),
    "absolute": (lambda files: tar(files, "/"), "no plain file in one folder"),
    "a link": (_link, "no plain file in one folder"),
    "deep": (lambda files: tar(files, "a/b/"), "no plain file in one folder"),
    "many": (lambda _: tar({f"{i}.md": b"" for i in range(101)}), "more than 100 members"),
    "a listing that is no JSON": (lambda files: tar(files | {"config.json": b"{" * 100_000}), "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused_and_nothing_stays(client: TestClient, app: FastAPI, files: Files, case: str) -> None:
    make, why = REFUSED[case]
    response = upload(client, make(files))
    assert (response.status_code, response.json()["code"]) == (422, "checkpoint_refused"), response.text
    assert response.json()["errors"][0]["parameter"] == "file" or response.json()["errors"][0]["pointer"] == "/file"
    assert any(part in response.json()["detail"] for part in why.split("|")), response.json()["detail"]
    assert client.get("/v1/checkpoints").json()["data"] == client.get("/v1/runs").json()["data"] == []
    assert app.state.backends.storage.folders("runs/*") == []


@pytest.mark.parametrize("case", HEADERS)
@pytest.mark.timeout(60)
def test_headers_bound_what_they_take(client: TestClient, case: str) -> None:
    """One of 200 MiB held up the whole gateway for hours: Python looks through it without letting other threads run."""
    response = upload(client, HEADERS[case])
    assert (response.status_code, response.json()["code"]) == (422, "checkpoint_refused"), response.text


def test_headers_of_other_archivers_are_taken(client: TestClient, files: Files) -> None:
    """Times with fractions, comments and attributes stand in extended headers."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"mine/{name}")
            info.size, info.mtime = len(content), 1_700_000_000.25
            info.pax_headers = {"comment": "exported", "LIBARCHIVE.xattr.com.apple.provenance": "a" * 300}
            archive.addfile(info, io.BytesIO(content))
    assert upload(client, out.getvalue()).status_code == 201


def test_numbers_that_are_not_finite_are_refused(client: TestClient, files: Files, tmp_path: Path) -> None:
    response = upload(client, tar(broken(files, _not_a_number, tmp_path)))
    assert (response.status_code, response.json()["code"]) == (422, "checkpoint_refused")
    assert "infinite or not a number" in response.json()["detail"]
    assert str(tmp_path.parent) not in response.json()["detail"]


def test_an_upload_has_a_limit_of_its_own(settings: Settings, files: Files) -> None:
    small = settings.model_copy(update={"max_checkpoint_bytes": 10_000, "max_body_bytes": 2048})
    app = create_app(small)
    with TestClient(app, base_url="http://localhost") as client:
        refused = upload(client, tar(files))
        assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
        larger_than_others = upload(client, bytes(4096))
        assert larger_than_others.json()["code"] == "checkpoint_refused"
    app.state.backends.close()


def test_the_same_upload_with_the_same_key_is_stored_once(client: TestClient, files: Files) -> None:
    mark = {"Idempotency-Key": "k"}
    first, again = upload(client, tar(files), mark), upload(client, tar(files), mark)
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = upload(client, tar(files), mark, name="else")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(client.get("/v1/checkpoints").json()["data"]) == 1


def test_its_run_goes_with_it_and_a_trainings_stays(client: TestClient, app: FastAPI, book: Book, files: Files) -> None:
    run, claim = book.training()
    trained, uploaded = book.checkpoint(claim, 1), upload(client, tar(files)).json()
    book.checkpoint(claim, 2)
    for one in (trained, uploaded["id"]):
        assert client.delete(f"/v1/checkpoints/{one}").status_code == 204
    backends = app.state.backends
    assert clear_out(backends.database, backends.storage) == 2
    with backends.database.transaction() as session:
        assert session.get(Run, uploaded["run_id"]) is None
        assert session.get(Run, run) is not None
    assert backends.storage.folders(f"runs/{uploaded['run_id']}/*") == []
