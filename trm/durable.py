"""Files that outlast a crash: synced to the disk, replaced whole, recognised by their digest."""

import errno
import hashlib
import os
from pathlib import Path

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def digest(path: Path) -> str:
    """The file's sha256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Write a file's content, or a folder's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_text(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Give a file this text; other processes read either the old one or the new one, whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode)
    draft.write_text(text)
    draft.rename(path)
