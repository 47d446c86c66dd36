"""The artifact storage: folders of files under one fsspec URL, each stored whole or not at all."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from services.registry.errors import StorageUnavailable
from services.registry.settings import Settings
from services.registry.storage import s3
from trm.durable import NO_ROOM, sync
from trm.errors import StorageFull

LAST_FILES = ("meta.json", "dataset.json")  # written last: a folder without its own is not complete
DRAFT = ".part"


class Storage:
    """A place for folders: a local one (`file:///...`), or a bucket of anything that fsspec knows."""

    def __init__(self, url: str, min_free_bytes: int = 0) -> None:
        """`min_free_bytes` of a local disk are left to others."""
        self.min_free_bytes = min_free_bytes
        self.fs, root = fsspec.core.url_to_fs(url, **s3.options(url))
        if s3.is_bucket(self.fs):
            self.fs.retries = s3.READ_TRIES
        self.root = str(self.fs._strip_protocol(root)).rstrip("/")

    @classmethod
    def of(cls, settings: Settings) -> "Storage":
        """The storage that the settings name."""
        return cls(settings.storage_url, settings.min_free_bytes)

    @property
    def is_local(self) -> bool:
        """Whether the folders lie on this machine's file system."""
        return isinstance(self.fs, LocalFileSystem)

    def url_of(self, name: str) -> str:
        """URL of a folder of this name."""
        return str(self.fs.unstrip_protocol(f"{self.root}/{name}" if name else self.root))

    def put_folder(self, local: Path, name: str) -> str:
        """Store a copy of a folder under a name such as `runs/<id>/step_00000250`; returns its URL.

        A folder stored under that name before is kept as it is. Raises StorageFull or StorageUnavailable, and then
        leaves nothing behind.
        """
        path = f"{self.root}/{name}"
        self.require_room(sum((local / file).stat().st_size for file in files_of(local)))
        with typed_errors(f"The storage cannot take {name}"):
            if not self._is_complete(path):
                self._put_local(local, Path(path)) if self.is_local else self._put_remote(local, path)
        return self.url_of(name)

    def require_room(self, needed: int = 0) -> None:
        """Raises StorageFull when so many bytes more leave too little free; a bucket has always room."""
        if self.is_local and needed + self.min_free_bytes > self.free_bytes():
            with typed_errors("The storage takes nothing new"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.root)

    def free_bytes(self) -> int:
        """Free bytes on a local storage's disk."""
        with typed_errors("The storage cannot say how much room it has"):
            place = next(folder for folder in (Path(self.root), *Path(self.root).parents) if folder.exists())
            return shutil.disk_usage(place).free

    def fetch_folder(self, url: str, local: Path) -> Path:
        """A folder to read what is stored at `url` from: itself where the storage is local, else a copy at `local`.

        Raises StorageUnavailable, or StorageFull with nothing left behind.
        """
        path = self.fs._strip_protocol(url)
        with typed_errors(f"The storage does not hold {url}"):
            if self.is_local:
                return _existing(Path(path))
            if not local.exists():
                self._fetch_remote(path, local)
        return local

    @contextmanager
    def open_file(self, url: str, name: str) -> Iterator[IO[bytes]]:
        """A file of what is stored at `url`, to read; raises StorageUnavailable."""
        path = f"{self.fs._strip_protocol(url)}/{name}"
        with typed_errors(f"The storage does not hold {name} of {url}"), self.fs.open(path, "rb") as file:
            yield file

    def sizes(self, url: str) -> dict[str, int]:
        """The files of what is stored at `url`, and their bytes; raises StorageUnavailable."""
        path = self.fs._strip_protocol(url)
        with typed_errors(f"The storage does not hold {url}"):
            return self._list(path)

    def exists(self, url: str) -> bool:
        """Whether a complete folder is stored at `url`."""
        with typed_errors(f"The storage cannot say whether it holds {url}"):
            return self._is_complete(self.fs._strip_protocol(url))

    def delete_folder(self, url: str) -> None:
        """Remove what is stored at `url`; it may be gone already."""
        with typed_errors(f"The storage cannot delete {url}"):
            self._remove(self.fs._strip_protocol(url))

    def folders(self, pattern: str) -> list[str]:
        """The URLs of what is stored under the names that fit, whole or not."""
        with typed_errors(f"The storage cannot say what is in {pattern}"):
            found = self.fs.glob(f"{self.root}/{pattern}")
            if s3.is_bucket(self.fs):
                found = [path for path in found if self._sizes(path)]
            return [str(self.fs.unstrip_protocol(path)) for path in found]

    def discard_drafts(self, name: str) -> None:
        """Remove what killed writers left half-made anywhere under `name`; ask only while no other process writes there."""
        if self.is_local:
            for draft in Path(self.root, name).rglob(f".*{DRAFT}"):
                shutil.rmtree(draft, ignore_errors=True)

    def _is_complete(self, path: str) -> bool:
        if self.is_local:
            return Path(path).is_dir()  # it was renamed into place
        return any(self.fs.exists(f"{path}/{name}") for name in LAST_FILES)

    def _list(self, path: str) -> dict[str, int]:
        """The files below a path and their bytes; raises FileNotFoundError when there is none."""
        if not (found := self._sizes(path)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return found

    def _sizes(self, path: str) -> dict[str, int]:
        return {
            name.removeprefix(f"{path}/"): int(info["size"])
            for name, info in self.fs.find(path, detail=True).items()
            if info["type"] == "file"  # some servers keep a folder that has been emptied
        }

    def _remove(self, path: str) -> None:
        if not self.is_local:
            for name in LAST_FILES:  # first: what is left of an interrupted deletion is not complete
                with suppress(FileNotFoundError):
                    self.fs.rm_file(f"{path}/{name}")
        if self.fs.exists(path):
            self.fs.rm(path, recursive=True)

    def _put_local(self, local: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with beside(target) as draft:
            for file in files_of(local):
                _copy_durably(local / file, draft / file)
            for folder in sorted({draft, *(draft / file.parent for file in files_of(local))}, reverse=True):
                sync(folder)
        sync(target.parent)

    def _put_remote(self, local: Path, path: str) -> None:
        try:
            for file in files_of(local):
                if not s3.is_bucket(self.fs):
                    self.fs.makedirs(f"{path}/{file.parent.as_posix()}".removesuffix("/."), exist_ok=True)
                self.fs.put_file(str(local / file), f"{path}/{file.as_posix()}")
        except BaseException:
            with suppress(OSError, *s3.errors()):  # it may be away: the next attempt removes what is not recorded
                self._remove(path)
            raise

    def _fetch_remote(self, path: str, local: Path) -> None:
        local.parent.mkdir(parents=True, exist_ok=True)
        with beside(local) as draft:
            for name in self._list(path):
                target = draft / name
                target.parent.mkdir(parents=True, exist_ok=True)
                self.fs.get_file(f"{path}/{name}", str(target))


def files_of(folder: Path) -> list[Path]:
    """The files in a folder, relative to it, in the order in which to write them."""
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(files, key=lambda file: file.name in LAST_FILES)


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """An empty folder beside `target`, which becomes it when the block ends well and vanishes when it does not.

    Where another process completed `target` meanwhile, its folder stays.
    """
    draft = target.parent / f".{target.name}.{uuid4().hex}{DRAFT}"
    draft.mkdir()
    try:
        yield draft
        _rename(draft, target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _rename(draft: Path, target: Path) -> None:
    try:
        draft.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(draft)


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise FileNotFoundError(folder)
    return folder


def _copy_durably(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reader, target.open("xb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
    sync(target)


@contextmanager
def typed_errors(what: str) -> Iterator[None]:
    """Turns the errors of a file system into ours."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, (OSError, *s3.errors())):
            raise
        if getattr(error, "errno", None) in NO_ROOM:
            raise StorageFull(f"{what}: no room is left there. Free some space; nothing partial was kept.") from error
        refused = " Check its key and what that may do." if isinstance(error, PermissionError) else ""
        raise StorageUnavailable(f"{what}: {getattr(error, 'strerror', None) or error}.{refused}") from error
