"""The place that a command writes to: whether it can be is said before the work, not after it."""

import os
from pathlib import Path

from trm.errors import FileUnusable


def require_place(path: Path) -> None:
    """Raises FileUnusable where nothing can be written at this path."""
    if path.is_file():
        raise FileUnusable(f"{path} is a file, and a folder is to be made there. Choose another place.")
    nearest = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise FileUnusable(f"Nothing can be written to {nearest}. Choose another place for {path}.")
