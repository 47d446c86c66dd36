"""Processes of the service under test, on the parts of the embedded stack: each with a log of its own, none outlives the tests."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from migrations.upgrade import upgrade
from services.registry.db.database import Database
from services.stack.parts import Part
from tests.chaos import witness
from workers.training.child import _die_with_parent

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
LEASE_SECONDS = 3.0
SHORT = {
    "LEASE_SECONDS": str(LEASE_SECONDS), "HEARTBEAT_SECONDS": "0.5", "REAPER_INTERVAL_SECONDS": "0.3",
    "REPUBLISH_SECONDS": "1", "METRICS_BATCH_SECONDS": "0.2", "STOP_GRACE_SECONDS": "10", "MAX_ATTEMPTS": "20",
    "KEEP_CHECKPOINTS": "3", "MIN_FREE_BYTES": str(2 * MIB), "DEVICE": "cpu", "COMPILE": "never",
}  # fmt: skip
HASTY = ("fsync=off", "max_wal_size=64MB", "min_wal_size=32MB")  # processes die here, the machine does not


class Opened(Protocol):
    """What starts and ends processes."""

    def open(self) -> None:
        """Start them."""

    def close(self) -> None:
        """End them, and leave nothing behind."""


Made = TypeVar("Made", bound=Opened)


@contextmanager
def opened(make: Callable[[Path], Made], name: str) -> Iterator[Made]:
    """One in a folder of its own, which Postgres' user can enter."""
    folder = Path(tempfile.mkdtemp(prefix=f"trm-{name}-"))
    folder.chmod(0o755)
    made = make(folder)
    try:
        made.open()
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


def hasty_postgres(part: Part, *settings: str) -> Part:
    """Postgres without waiting for the disk, and with settings of its own."""
    return replace(part, command=[*part.command, *(word for each in (*HASTY, *settings) for word in ("-c", each))])


def environment(**settings: str) -> dict[str, str]:
    """The caller's, but of the service's settings only the short times and these."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TRM_", "AWS_"))}
    return clean | {f"TRM_{name}": value for name, value in (SHORT | settings).items()}


def spawn(
    command: Sequence[str],
    log: Path,
    environment: dict[str, str] | None = None,
    **popen: Any,  # noqa: ANN401
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own that adds to this log."""
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd="/" if popen else ROOT,  # a server may run as a user who cannot enter it
            env=environment,
            start_new_session=True,
            preexec_fn=_die_with_parent(),
            **popen,
        )


def watched_database(url: str) -> Database:
    """A database at its newest schema, which watches itself from now on."""
    upgrade(url)
    database = Database(url)
    witness.install(database)
    return database


def tail(logs: Path, lines: int) -> str:
    """The end of every log, without the requests."""
    said = []
    for file in sorted(logs.glob("*.log")):
        news = [line[:300] for line in file.read_text(errors="replace").splitlines() if "request.served" not in line]
        said += [f"--- {file.stem}", *news[-lines:]]
    return "\n".join(said)
