"""A job's events as they happen (server-sent events); between two reads no connection to the database is held."""

import threading
import time
from collections.abc import AsyncIterator

import anyio
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.concurrency import run_in_threadpool

from services.gateway.access.recheck import AccessRecheck
from services.gateway.access.records import Records
from services.gateway.schemas.event import StoredEvent, StoredEvents
from services.registry.errors import DatabaseUnavailable
from services.registry.jobs import job_events, jobs
from trm.json_text import to_json

EVENTS_A_READ = 500
FIRST_PAUSE_SECONDS = 0.01  # a resident model takes its first step some 20 ms after it is asked
BUSY_PAUSE_SECONDS = 0.05  # steps that follow each other closely are read together
LONGEST_PAUSE_SECONDS = 1.0
PAUSE_GROWTH = 1.5
PING_SECONDS = 15.0
RECONNECT_MILLISECONDS = 2_000


def read_events(records: Records, job_id: str, after: int) -> StoredEvents:
    """The next events of a job, and whether these are its last; raises JobNotFound."""
    with records.database.transaction() as session:
        # read first: the last event comes with the last status
        finished = jobs.status_of(session, records.access, job_id).is_final
        rows = job_events.after(session, records.access, job_id, after, EVENTS_A_READ)
    data = [StoredEvent.from_row(row, id=row.seq) for row in rows]
    return StoredEvents(data=data, finished=finished and len(rows) < EVENTS_A_READ)


async def stream_events(
    records: Records, stopping: threading.Event, recheck: AccessRecheck, job_id: str, first: StoredEvents, after: int
) -> AsyncIterator[bytes]:
    """`first`, then every later event until the job has ended, the service stops, or the caller may not read it any longer."""
    yield format_sse_event(retry=RECONNECT_MILLISECONDS)
    events, pause, last_sent = first, FIRST_PAUSE_SECONDS, time.monotonic()
    while True:
        for event in events.data:
            yield format_sse_event(data_str=to_json(event.data), event=event.type, id=str(event.id))
            after, last_sent = event.id, time.monotonic()
            pause = BUSY_PAUSE_SECONDS if event.type == "step" else FIRST_PAUSE_SECONDS
        if events.finished or stopping.is_set():
            return
        if reason := await recheck.check():
            yield format_sse_event(data_str=to_json({"reason": reason}), event="closed")
            return
        if time.monotonic() - last_sent >= PING_SECONDS:
            yield KEEPALIVE_COMMENT
            last_sent = time.monotonic()
        await anyio.sleep(pause)
        pause = min(PAUSE_GROWTH * pause, LONGEST_PAUSE_SECONDS)
        events = await run_in_threadpool(_read_if_possible, records, job_id, after)


def _read_if_possible(records: Records, job_id: str, after: int) -> StoredEvents:
    """Read the next events; none while the database is away, so that the stream outlives its restart."""
    try:
        return read_events(records, job_id, after)
    except DatabaseUnavailable:
        return StoredEvents(data=[], finished=False)
