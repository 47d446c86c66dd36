"""Where the sockets of an embedded stack live: a short path, since the system allows about a hundred characters."""

import hashlib
import os
import tempfile
from pathlib import Path

from services.stack.errors import StackError


def socket_folder(data_dir: Path) -> Path:
    """A private folder for the sockets of the stack in `data_dir`, the same every time; created when missing."""
    name = hashlib.sha256(f"{os.getuid()}:{data_dir.resolve()}".encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"trm-{name}"
    # root's Postgres runs as another user, which must be able to create its socket here
    folder.mkdir(exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.getuid():
        raise StackError(f"{folder} belongs to another user. Remove it, or set TMPDIR to a folder of your own.")
    if os.geteuid() == 0:
        folder.chmod(0o1777)
    return folder
