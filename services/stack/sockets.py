"""Where the sockets of an embedded stack live: a short path, since the system allows about a hundred characters."""

import hashlib
import os
import tempfile
from pathlib import Path

from services.stack.errors import StackError
from services.stack.postgres import run_as


def socket_folder(data_dir: Path) -> Path:
    """A private folder for the sockets of the stack in `data_dir`, the same every time; created when missing."""
    name = hashlib.sha256(f"{os.getuid()}:{data_dir.resolve()}".encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"trm-{name}"
    folder.mkdir(exist_ok=True, mode=0o700)
    server = run_as()  # root's Postgres is another user, which creates its socket here
    if folder.stat().st_uid not in {os.getuid(), server.pw_uid if server else os.getuid()}:
        raise StackError(f"{folder} belongs to another user. Remove it, or set TMPDIR to a folder of your own.")
    folder.chmod(0o700)
    if server is not None:
        os.chown(folder, server.pw_uid, server.pw_gid)
    return folder
