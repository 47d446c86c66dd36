"""Folders are stored whole or not at all."""

import errno
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from services.registry.errors import StorageUnavailable
from services.registry.storage.storage import Storage, files_of, typed_errors
from trm.errors import StorageFull

HUGE_BYTES = 8 << 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    (folder / "nested").mkdir(parents=True)
    (folder / "meta.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(os.urandom(3_000_000))
    (folder / "nested" / "z.txt").write_text("z")
    return folder


@pytest.fixture(params=["file", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    url = (tmp_path / "store").as_uri() if request.param == "file" else f"memory://{uuid4().hex}"
    storage = Storage(url)
    yield storage
    if storage.fs.exists(storage.root):
        storage.fs.rm(storage.root, recursive=True)


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.as_posix(): (folder / file).read_bytes() for file in files_of(folder)}


def _stored(storage: Storage) -> list[str]:
    return list(storage.fs.find(storage.root)) if storage.fs.exists(storage.root) else []


def test_folder_comes_back_as_it_was(storage: Storage, folder: Path, tmp_path: Path) -> None:
    url = storage.put_folder(folder, "runs/run_1/step_00000010")
    assert storage.exists(url)
    assert _contents(storage.fetch_folder(url, tmp_path / "cache" / "copy")) == _contents(folder)
    assert _contents(storage.fetch_folder(url, tmp_path / "cache" / "copy")) == _contents(folder)


def test_folder_stored_before_is_kept(storage: Storage, folder: Path) -> None:
    url = storage.put_folder(folder, "a")
    before = _contents(folder)
    (folder / "model.safetensors").write_bytes(b"other")
    assert storage.put_folder(folder, "a") == url
    with storage.fs.open(f"{storage.root}/a/model.safetensors", "rb") as stored:
        assert stored.read() == before["model.safetensors"]


def test_deleted_folder_is_gone(storage: Storage, folder: Path, tmp_path: Path) -> None:
    url = storage.put_folder(folder, "a")
    storage.delete_folder(url)
    storage.delete_folder(url)
    assert not storage.exists(url)
    assert _stored(storage) == []
    with pytest.raises(StorageUnavailable, match="does not hold"):
        storage.fetch_folder(url, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_marker_of_completeness_is_written_last(folder: Path) -> None:
    assert [file.as_posix() for file in files_of(folder)] == ["model.safetensors", "nested/z.txt", "meta.json"]


def test_folder_that_cannot_be_read_leaves_nothing(storage: Storage, folder: Path) -> None:
    (folder / "unreadable").symlink_to("/proc/self/mem")  # opens, and fails at the first read
    with pytest.raises(StorageUnavailable):
        storage.put_folder(folder, "runs/a")
    assert _stored(storage) == []


def test_folder_larger_than_the_disk_is_refused_before_a_byte_is_written(folder: Path, tmp_path: Path) -> None:
    with (folder / "huge").open("wb") as huge:
        huge.truncate(HUGE_BYTES)  # sparse: takes no room itself
    storage = Storage((tmp_path / "store").as_uri())
    with pytest.raises(StorageFull, match="no room"):
        storage.put_folder(folder, "runs/a")
    assert _stored(storage) == []


def test_local_disk_that_fills_up_on_the_way_leaves_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []

    def full_from_the_second_file_on(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full_from_the_second_file_on)
    storage = Storage((tmp_path / "store").as_uri())
    with pytest.raises(StorageFull):
        storage.put_folder(folder, "runs/a")
    assert [path for path in (tmp_path / "store").rglob("*") if path.name != "runs"] == []


class SmallBucket(MemoryFileSystem):  # type: ignore[misc]
    """A bucket with room for three megabytes."""

    protocol = "small"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(MemoryFileSystem._strip_protocol(path.replace("small://", "memory://")))

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: object) -> None:
        if sum(self.size(name) for name in self.find("")) + len(value) > 3_000_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().pipe_file(path, value, mode, **options)

    def put_file(self, local: str, path: str, **options: object) -> None:
        self.pipe_file(path, Path(local).read_bytes())


def test_bucket_that_fills_up_on_the_way_keeps_nothing(folder: Path) -> None:
    fsspec.register_implementation("small", SmallBucket, clobber=True)
    (folder / "a-first").write_bytes(b"fits")
    storage = Storage("small://bucket")
    with pytest.raises(StorageFull):
        storage.put_folder(folder, "runs/a")
    assert _stored(storage) == []


def test_full_device_is_storage_full_and_other_errors_are_not() -> None:
    with pytest.raises(StorageFull), typed_errors("x"), open("/dev/full", "wb") as device:
        device.write(b"0" * 100_000)
    with pytest.raises(StorageUnavailable), typed_errors("x"):
        Path("/proc/self/mem").read_bytes()


def test_drafts_of_killed_writers_are_discarded(folder: Path, tmp_path: Path) -> None:
    storage = Storage((tmp_path / "store").as_uri())
    url = storage.put_folder(folder, "runs/a/step_1")
    (tmp_path / "store" / "runs" / "a" / ".step_2.0123.part").mkdir()
    storage.discard_drafts("runs")
    storage.discard_drafts("runs/none")
    assert [path.name for path in (tmp_path / "store" / "runs" / "a").iterdir()] == ["step_1"]
    assert storage.exists(url)


def test_two_who_store_the_same_at_once_leave_one_whole_folder(folder: Path, tmp_path: Path) -> None:
    storage, start = Storage((tmp_path / "store").as_uri()), threading.Barrier(4)

    def put(_: int) -> str:
        start.wait()
        return storage.put_folder(folder, "a")

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(put, range(4)))) == 1
    assert _contents(tmp_path / "store" / "a") == _contents(folder)
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["a"]
