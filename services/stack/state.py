"""What a running stack says about itself: `stack.json` in the data folder, and a lock held while it runs."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from services.stack.process import Process
from trm.json_text import to_json

STATE = "stack.json"
LOCK = "stack.lock"


@dataclass(frozen=True)
class State:
    """A running stack."""

    supervisor: Process
    api: str  # the gateway's address
    database_url: str
    broker_url: str
    ready: bool
    parts: dict[str, Process]
    metrics: dict[str, str]  # part -> where Prometheus can read it
    waits_for: str | None = None  # what keeps it from being ready


def write(data_dir: Path, state: State) -> None:
    """Replace the file whole; only its owner reads it, since the addresses may hold passwords."""
    draft = data_dir / f".{STATE}.{os.getpid()}"
    draft.touch(0o600)
    draft.write_text(to_json(asdict(state), indent=1))
    draft.rename(data_dir / STATE)


def read(data_dir: Path) -> State | None:
    """The running stack of this data folder; None when the supervisor that the file names has ended."""
    found = _read_state(data_dir)
    return found if found is not None and found.supervisor.lives else None


def take_over(data_dir: Path) -> State | None:
    """What a supervisor that died has left running, as a state of this process; None when nothing is left.

    The caller holds the lock.
    """
    found = _read_state(data_dir)
    if found is None:
        return None
    left = {name: part for name, part in found.parts.items() if part.lives}
    return replace(found, supervisor=this_process(), ready=False, parts=left) if left else None


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


def this_process() -> Process:
    """The caller's own."""
    found = Process.of(os.getpid())
    assert found is not None  # noqa: S101 - it runs
    return found


def _read_state(data_dir: Path) -> State | None:
    try:
        content: dict[str, Any] = json.loads((data_dir / STATE).read_text())
        content["supervisor"] = Process(**content["supervisor"])
        content["parts"] = {name: Process(**part) for name, part in content["parts"].items()}
        return State(**content)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None  # or it was written by other code, which cleans up after itself
