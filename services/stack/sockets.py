"""Where the sockets of an embedded stack live: a short path, since the system allows about a hundred characters."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from services.stack.postgres import run_as

LINK = "sockets"  # in the data folder: leads to the folder, whose name cannot be foretold


def socket_folder(data_dir: Path) -> Path:
    """A private folder for the sockets of the stack in `data_dir`, the same as long as it exists; created when missing."""
    link = data_dir / LINK
    with suppress(OSError):  # no link yet
        folder = Path(os.readlink(link))
        if _make_private(folder):
            return folder
    folder = Path(tempfile.mkdtemp(prefix="trm-"))
    _make_private(folder)
    data_dir.mkdir(parents=True, exist_ok=True)
    draft = data_dir / f".{LINK}.{os.getpid()}"
    draft.unlink(missing_ok=True)
    draft.symlink_to(folder)
    draft.rename(link)
    return folder


def _make_private(folder: Path) -> bool:
    """Let only the server's user in; False, and nothing changed, unless it is a folder and ours.

    A user who may write to its parent may put a link in its place: the folder that was checked is the one that is changed.
    """
    server = run_as()  # root's Postgres is another user, which creates its socket here
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        if os.fstat(opened).st_uid not in {os.getuid(), server.pw_uid if server else os.getuid()}:
            return False
        os.fchmod(opened, 0o700)
        if server is not None:
            os.fchown(opened, server.pw_uid, server.pw_gid)
    finally:
        os.close(opened)
    return True
