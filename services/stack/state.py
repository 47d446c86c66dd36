"""What a running stack says about itself: `stack.json` in the data folder, and a lock held while it runs."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from trm.json_text import to_json

STATE = "stack.json"
LOCK = "stack.lock"


@dataclass(frozen=True)
class State:
    """A running stack."""

    pid: int  # of the supervisor
    api: str  # the gateway's address
    database_url: str
    broker_url: str
    ready: bool
    parts: dict[str, int]  # name -> pid


def write(data_dir: Path, state: State) -> None:
    """Replace the file whole; only its owner reads it, since the addresses may hold passwords."""
    draft = data_dir / f".{STATE}.{os.getpid()}"
    draft.touch(0o600)
    draft.write_text(to_json(asdict(state), indent=1))
    draft.rename(data_dir / STATE)


def read(data_dir: Path) -> State | None:
    """The running stack of this data folder; None when none runs, whatever a file left behind says."""
    if not _is_locked(data_dir):
        return None
    try:
        return State(**json.loads((data_dir / STATE).read_text()))
    except FileNotFoundError:
        return None


def clear(data_dir: Path) -> None:
    """Remove the file."""
    (data_dir / STATE).unlink(missing_ok=True)


def acquire(data_dir: Path) -> IO[str] | None:
    """The lock, held as long as the file is open in this process; None when another stack holds it."""
    file = (data_dir / LOCK).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _is_locked(data_dir: Path) -> bool:
    if not data_dir.is_dir():
        return False
    file = acquire(data_dir)
    if file is None:
        return True
    file.close()
    return False
