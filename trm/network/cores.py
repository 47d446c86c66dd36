"""How many cores a process computes with: those that it may use, shared with all that compute on this machine at the moment.

Two processes with a thread for every core starve each other: at each barrier of OpenMP one waits for a thread that the other has
driven from its core. Each that computes therefore holds a lock on a file of its own in a common folder, the ledger; a process
that can adapt counts the locks held there.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

CGROUP = Path("/sys/fs/cgroup")
BOOT = Path("/proc/sys/kernel/random/boot_id")
LOOK_SECONDS = 0.02  # between two looks at the ledger


def available(limit: int | None = None) -> int:
    """The number of cores that this process may keep busy: by its affinity, its cgroup's quota, and a limit."""
    return max(1, min(len(os.sched_getaffinity(0)), _read_quota() or 1 << 16, limit or 1 << 16))


def _read_quota() -> int | None:
    """The cores' worth of time that the cgroup has, rounded down to what never has to wait; None without a quota."""
    with suppress(OSError, ValueError):  # version 2
        time_, period = (CGROUP / "cpu.max").read_text().split()
        return None if time_ == "max" else max(1, int(time_) // int(period))
    with suppress(OSError, ValueError):  # version 1
        time_, period = ((CGROUP / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return None if int(time_) < 0 else max(1, int(time_) // int(period))
    return None


class Cores:
    """The cores of this process; `share` is how many to use now."""

    def __init__(self, limit: int | None = None, ledger: Path | None = None) -> None:
        """At most `limit`; shared with processes that use the same ledger; without a ledger, not shared."""
        self.most = available(limit)
        self._own = os.sched_getaffinity(0)
        # tells machines apart that share a file system
        machine = BOOT.read_text().strip() if BOOT.exists() else os.uname().nodename
        self._folder = None if ledger is None else ledger / machine
        self._name = f"{uuid4().hex}-{'.'.join(map(str, sorted(self._own)))}"
        self._looked, self._share = 0.0, self.most

    @property
    def share(self) -> int:
        """The cores left for this process when all that compute divide them evenly; at least one."""
        now = time.monotonic()
        if self._folder is not None and now - self._looked > LOOK_SECONDS:
            self._looked = now
            competitors = sum(1 for name in _list_computing(self._folder) if name != self._name and self._meets(name))
            self._share = min(self.most, max(1, len(self._own) // (1 + competitors)))
        return self._share

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Register this process as computing for the duration of the block; a killed process is unregistered too."""
        with ExitStack() as held:
            if self._folder is not None:
                with suppress(OSError):  # a disk that is full or read-only: then no other process makes room for us
                    self._enter(self._folder, held)
            yield

    def _enter(self, folder: Path, held: ExitStack) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        draft, place = folder / f".{self._name}", folder / self._name
        file = held.enter_context(draft.open("w"))
        fcntl.flock(file, fcntl.LOCK_EX)
        draft.rename(place)  # no other process sees it before it is locked
        held.callback(place.unlink, missing_ok=True)

    def _meets(self, name: str) -> bool:
        with suppress(ValueError):
            return not self._own.isdisjoint(map(int, name.partition("-")[2].split(".")))
        return False


def _list_computing(folder: Path) -> list[str]:
    """Whose files are locked; others were left by processes that were killed, and go."""
    names = []
    with suppress(OSError):
        for path in folder.glob("[!.]*"):
            with suppress(OSError), path.open("r+") as file:
                if _is_locked(file):
                    names.append(path.name)
                else:
                    path.unlink(missing_ok=True)
    return names


def _is_locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
