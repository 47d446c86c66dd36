"""Following a job: the tags that make polling cheap, and waiting instead of polling."""

import re
import threading
import time

import anyio
from starlette.concurrency import run_in_threadpool

from services.gateway.access.recheck import AccessRecheck
from services.gateway.access.records import Records
from services.gateway.problems.errors import Unauthenticated
from services.registry.jobs import jobs

FIRST_PAUSE_SECONDS = 0.01  # a puzzle takes a resident model some 30 ms
LONGEST_PAUSE_SECONDS = 0.5
PAUSE_GROWTH = 1.5
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?(?=$|[,;\s])", re.IGNORECASE)


def parse_wait(prefer: str | None, most: float) -> int:
    """Seconds to wait by a `Prefer: wait=N` header (RFC 7240), at most `most`; 0 without one."""
    found = _WAIT.search(prefer or "")
    return min(int(found.group(1)), int(most)) if found else 0


async def wait_until_finished(
    records: Records, stopping: threading.Event, recheck: AccessRecheck, job_id: str, seconds: float
) -> bool:
    """Whether the job finishes in this time, and before the service stops; holds neither a thread nor a connection while it waits.

    Raises Unauthenticated when the caller's key ends meanwhile.
    """
    deadline, pause = time.monotonic() + seconds, FIRST_PAUSE_SECONDS
    while not stopping.is_set():
        if (await run_in_threadpool(records.ask, jobs.status_of, job_id)).is_final:
            return True
        if reason := await recheck.check():
            raise Unauthenticated(reason)
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        await anyio.sleep(min(pause, left))
        pause = min(PAUSE_GROWTH * pause, LONGEST_PAUSE_SECONDS)
    return False


def entity_tag(job_id: str, version: int, position: int | None = None, *, is_alone: bool = False) -> str:
    """Changes whenever the job does, its place in line, or whether there is a worker for it; weak, because estimates in the body
    move with the clock.
    """
    place = "" if position is None else f"-{position}"
    return f'W/"{job_id}-{version}{place}{"-alone" if is_alone else ""}"'


def is_known(tag: str, if_none_match: str | None) -> bool:
    """Whether the client has this version already."""
    known = {part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")}
    return "*" in known or tag.removeprefix("W/") in known
