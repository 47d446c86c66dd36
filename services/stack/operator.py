"""The operator's commands: start, stop and inspect the stack."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from services.registry.settings import Settings
from services.stack import logs, state
from services.stack.errors import StackError
from services.stack.naming import command
from services.stack.parts import is_ready
from services.stack.process import Process
from services.stack.supervisor import READY_SECONDS, STOP_SECONDS, Supervisor

POLL_SECONDS = 0.1
PATIENCE = 3 * READY_SECONDS


def up(settings: Settings, tell: Callable[[str], None]) -> tuple[state.State, bool]:
    """The running stack, started in the background unless it runs already; the flag says whether it was started now.

    It runs when its supervisor lives and its gateway answers. `tell` hears the name of each part as it starts, and what is
    waited for. Raises StackError with the reason when it does not start.
    """
    running = state.read(settings.data_dir)
    if running is not None and running.ready and is_ready(running.api):
        return running, False
    if running is not None and (found := _wait_until_ready(settings.data_dir, running.supervisor, tell)) is not None:
        return found, False
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    log = logs.file_of(settings.data_dir, "supervisor")
    found = _wait_until_ready(settings.data_dir, _spawn(settings, log), tell)
    if found is None:
        raise StackError(f"The stack did not start: {logs.last_line(log)}")
    return found, True


def _spawn(settings: Settings, log: Path) -> Process:
    """Start the supervisor in a session of its own."""
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "services.stack", "up", "--foreground"],
        os.environ | {"TRM_DATA_DIR": str(settings.data_dir)},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    return Process.of(pid) or Process(pid, 0)  # one that has ended at once


def _wait_until_ready(data_dir: Path, supervisor: Process, tell: Callable[[str], None]) -> state.State | None:
    """The stack once it is ready; None when this supervisor has ended, and no other runs."""
    deadline, shown = time.monotonic() + PATIENCE, set[str]()
    while time.monotonic() < deadline:
        found = state.read(data_dir)
        waits = [f"waits for {found.waits_for}"] if found and found.waits_for else []
        for news in (*(found.parts if found else ()), *waits):
            if news not in shown:
                shown.add(news)
                tell(news)
        if found is not None and found.ready and is_ready(found.api):
            return found
        if found is None and not supervisor.lives:
            return None
        time.sleep(POLL_SECONDS)
    raise StackError(
        f"The stack was not ready within {PATIENCE} s; see {logs.folder_of(data_dir)}. "
        f"If a part of it hangs, stop it first: {command('down')}"
    )


def down(settings: Settings) -> bool:
    """Stop the stack and wait until its last process is gone; False when none ran."""
    running = state.read(settings.data_dir)
    if running is None:
        return False
    running.supervisor.send(signal.SIGTERM)
    deadline = time.monotonic() + 3 * STOP_SECONDS
    while running.supervisor.lives:
        if time.monotonic() > deadline:
            raise StackError(
                f"The stack (process {running.supervisor.pid}) did not stop; see {settings.data_dir / 'logs'}."
            )
        time.sleep(POLL_SECONDS)
    return True


@contextmanager
def database_url(settings: Settings, *, while_running: bool) -> Iterator[str]:
    """The database of these settings, for a command beside the service: of the running stack, or started for the block.

    Raises StackError when the stack runs and must not.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    lock = state.acquire(settings.data_dir)
    if lock is not None:
        supervisor = Supervisor(settings)
        with lock, supervisor.only("postgres"):
            yield supervisor.plan.database_url
        return
    running = state.read(settings.data_dir)
    if not while_running or running is None:
        raise StackError(f"The stack runs. Stop it first, with: {command('down')}")
    yield running.database_url


def log_files(settings: Settings, part: str | None) -> list[Path]:
    """The log of one part, or every part's; raises StackError when there is none."""
    files = sorted(logs.folder_of(settings.data_dir).glob(f"{part or '*'}.log"))
    if not files:
        known = [path.stem for path in sorted(logs.folder_of(settings.data_dir).glob("*.log"))]
        raise StackError(
            f"There is no log of {part or 'any part'} in {settings.data_dir / 'logs'}. "
            + (f"Parts with one: {', '.join(known)}." if known else f"Start the stack with: {command('up')}")
        )
    return files
