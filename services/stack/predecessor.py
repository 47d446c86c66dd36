"""What a stack that was killed leaves running for a while: its parts are ending, and hold data and ports until they have."""

import signal
import time
from dataclasses import replace
from pathlib import Path

import structlog

from services.stack import state

PATIENCE = 30  # seconds for parts that were told to end when their supervisor died
POLL_SECONDS = 0.1
log = structlog.get_logger()


def outlive(data_dir: Path, patience: float = PATIENCE) -> None:
    """Wait until no part of an earlier stack runs; those that do not end in time are killed. The caller holds the lock."""
    deadline = time.monotonic() + patience
    while (left := state.take_over(data_dir)) is not None:
        names = ", ".join(f"{name} (process {part.pid})" for name, part in left.parts.items())
        waiting = replace(left, waits_for=f"{names} of a stack that was killed to end")
        if waiting != state.read(data_dir):
            log.warning("stack.waits", waits_for=waiting.waits_for)
            state.write(data_dir, waiting)
        if time.monotonic() > deadline:
            for part in left.parts.values():
                part.send(signal.SIGKILL)
        time.sleep(POLL_SECONDS)
