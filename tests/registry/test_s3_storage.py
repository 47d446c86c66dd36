"""Folders in a bucket of a real S3 server: whole or not there, whatever becomes of the line, the key and the server."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from services.registry.errors import StorageUnavailable
from services.registry.settings import Settings
from services.registry.storage.storage import Storage, files_of
from tests.chaos.wire import Wire
from tests.conftest import free_port, wait_until
from tests.s3 import Moto, S3Server

pytestmark = pytest.mark.servers

MIB = 1 << 20
HALF = 4 * MIB  # of what a checkpoint has to send


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A folder as a trainer leaves it."""
    folder = tmp_path / "step_00000010"
    (folder / "nested").mkdir(parents=True)
    (folder / "meta.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(os.urandom(6 * MIB))
    (folder / "state.safetensors").write_bytes(os.urandom(2 * MIB))
    (folder / "nested" / "empty").touch()
    return folder


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = Moto(tmp_path_factory.mktemp("moto"))
    yield server
    server.kill()


@pytest.fixture(params=["s3_server", pytest.param("moto", marks=pytest.mark.slow)])
def storage(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """On each of two servers that were written apart."""
    server: S3Server = request.getfixturevalue(request.param)
    with server.reached() as url:
        yield Storage(url)


@pytest.fixture
def wire(s3_server: S3Server, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """The line that the storage is reached by."""
    there, here = urlsplit(s3_server.endpoint), ("127.0.0.1", free_port("127.0.0.1"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{here[0]}:{here[1]}")
    with closing(Wire(here, (there.hostname or "", there.port or 0))) as wire:
        yield wire


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    """One of this test's own."""
    server = S3Server(tmp_path / "s3")
    yield server
    server.kill()


def contents(folder: Path) -> dict[str, bytes]:
    return {file.as_posix(): (folder / file).read_bytes() for file in files_of(folder)}


def test_a_folder_is_stored_found_read_and_deleted(storage: Storage, checkpoint: Path, tmp_path: Path) -> None:
    url = storage.put_folder(checkpoint, "runs/run_1/attempt_1-ab/step_00000010")
    assert storage.exists(url)
    assert storage.sizes(url) == {name: len(data) for name, data in contents(checkpoint).items()}
    assert storage.folders("runs/run_1/attempt_*/step_*") == [url]
    assert contents(storage.fetch_folder(url, tmp_path / "cache" / "copy")) == contents(checkpoint)
    with storage.open_file(url, "model.safetensors") as file:
        file.seek(5 * MIB)
        assert file.read(1000) == contents(checkpoint)["model.safetensors"][5 * MIB : 5 * MIB + 1000]
    storage.delete_folder(url)
    storage.delete_folder(url)
    assert storage.folders("runs/run_1/attempt_*/step_*") == []
    assert not storage.exists(url)
    with pytest.raises(StorageUnavailable, match="does not hold"):
        storage.sizes(url)
    with pytest.raises(StorageUnavailable, match="does not hold"):
        storage.fetch_folder(url, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_what_another_machine_stores_is_seen_at_once(storage: Storage, checkpoint: Path) -> None:
    other = Storage(storage.url_of(""))
    other.fs = type(other.fs)(skip_instance_cache=True, **other.fs.storage_options)
    assert storage.folders("runs/*") == []
    other.put_folder(checkpoint, "runs/a")
    assert storage.folders("runs/*") == [storage.url_of("runs/a")]
    other.delete_folder(storage.url_of("runs/a"))
    assert not storage.exists(storage.url_of("runs/a"))


def test_a_deletion_that_was_interrupted_leaves_nothing_complete(storage: Storage, checkpoint: Path) -> None:
    url = storage.put_folder(checkpoint, "a")
    storage.fs.rm = _break  # what deletes the rest
    with pytest.raises(StorageUnavailable):
        storage.delete_folder(url)
    del storage.fs.rm
    assert (storage.exists(url), len(storage.sizes(url))) == (False, 3)
    storage.put_folder(checkpoint, "a")
    assert storage.exists(url)


def test_writers_at_once_need_no_conditions_to_leave_it_whole(
    storage: Storage, checkpoint: Path, tmp_path: Path
) -> None:
    headers = set[str]()
    storage.fs.connect()
    storage.fs.s3.meta.events.register("before-send.s3", lambda request, **_: headers.update(request.headers))
    with ThreadPoolExecutor(4) as pool:
        [url] = set(pool.map(lambda _: storage.put_folder(checkpoint, "datasets/ds_1"), range(4)))
    assert contents(storage.fetch_folder(url, tmp_path / "copy")) == contents(checkpoint)
    assert "Authorization" in headers
    assert [name for name in headers if name.lower().startswith("if-")] == []


def _break(*_: object, **__: object) -> None:
    raise ConnectionResetError


@pytest.mark.parametrize("variable", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"])
def test_a_wrong_key_is_told(s3_url: str, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "wrong")
    storage = Storage(s3_url)
    for act in (lambda: storage.put_folder(checkpoint, "a"), lambda: storage.exists(storage.url_of("a"))):
        with pytest.raises(StorageUnavailable, match="Check its key") as raised:
            act()
        assert raised.value.code == "storage_unavailable"


def test_a_connection_that_breaks_on_the_way_is_made_again(
    wire: Wire, s3_url: str, checkpoint: Path, tmp_path: Path
) -> None:
    storage = Storage(s3_url)
    wire.break_after(HALF)

    def mend() -> None:
        wait_until(lambda: wire.is_broken)
        wire.mend()

    mending = threading.Thread(target=mend)
    mending.start()
    url = storage.put_folder(checkpoint, "a")
    mending.join()
    assert contents(storage.fetch_folder(url, tmp_path / "copy")) == contents(checkpoint)


@pytest.mark.slow
def test_a_connection_that_is_lost_in_a_checkpoint_leaves_nothing_to_be_seen(
    wire: Wire, s3_url: str, checkpoint: Path, tmp_path: Path
) -> None:
    storage, url = Storage(s3_url), Storage(s3_url).url_of("runs/r/attempt_1-ab/step_00000010")
    wire.break_after(HALF)
    with pytest.raises(StorageUnavailable, match="cannot take"):
        storage.put_folder(checkpoint, "runs/r/attempt_1-ab/step_00000010")
    with pytest.raises(StorageUnavailable, match="cannot say"):
        storage.exists(url)
    wire.mend()
    assert not storage.exists(url)
    storage.put_folder(checkpoint, "runs/r/attempt_1-ab/step_00000010")
    assert contents(storage.fetch_folder(url, tmp_path / "copy")) == contents(checkpoint)


def test_a_connection_that_is_lost_in_a_download_leaves_no_copy(
    wire: Wire, s3_url: str, checkpoint: Path, tmp_path: Path
) -> None:
    storage = Storage(s3_url)
    url = storage.put_folder(checkpoint, "a")
    wire.break_after(0)
    with pytest.raises(StorageUnavailable):
        storage.fetch_folder(url, tmp_path / "copy")
    assert list(tmp_path.glob("*copy*")) == []


@pytest.mark.slow
def test_a_server_that_is_killed_and_comes_back_has_all_that_was_stored(
    checkpoint: Path, tmp_path: Path, server: S3Server
) -> None:
    with server.reached() as place:
        storage = Storage(place)
        url = storage.put_folder(checkpoint, "a")
        server.kill()
        for act in (lambda: storage.put_folder(checkpoint, "b"), lambda: storage.sizes(url)):
            with pytest.raises(StorageUnavailable):
                act()
        server.start()
        assert contents(storage.fetch_folder(url, tmp_path / "copy")) == contents(checkpoint)
        storage.put_folder(checkpoint, "b")


@pytest.mark.parametrize("url", ["nowhere://a/b", "s4://bucket"])
def test_a_storage_of_an_unknown_kind_is_refused_before_anything_starts(url: str) -> None:
    with pytest.raises(ValueError, match="no storage can be reached by"):
        Settings(storage_url=url)
