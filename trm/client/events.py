"""What happens to a job, as it happens; continued where it was broken off when the connection or the gateway is lost."""

import time
from collections.abc import Iterator
from functools import cache

import httpx2
from pydantic import TypeAdapter

from trm.client.api import JobEvent
from trm.client.transport import LOST, Patience, Transport
from trm.json_text import from_json

LAST = "done"
CLOSED = "closed"  # the key has ended, which the next request is told as an error
HELD_SECONDS = 1.0  # a stream that was open for longer was no failure, though nothing happened meanwhile
SILENCE_SECONDS = 30.0  # the service sends a sign of life every 15 s


def follow(transport: Transport, job_id: str, after: int) -> Iterator[JobEvent]:
    """Every event after the one of this number, until the job has ended."""
    patience, last = Patience(transport.retry_seconds), ""
    extra = max(0.0, SILENCE_SECONDS - transport.timeout)
    while True:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        broken: Exception = httpx2.ReadError("every stream of events was broken off")  # as by a gateway that stops
        with transport.open("streamJobEvents", path={"job_id": job_id}, headers=headers, extra_seconds=extra) as stream:
            if stream.status_code == httpx2.codes.NO_CONTENT:
                return
            opened = time.monotonic()
            try:
                for event in _read(stream):
                    after, last = event.id, event.type
                    patience.renew()
                    yield event
                if last == LAST:
                    return
            except LOST as error:
                broken = error
        if time.monotonic() - opened > HELD_SECONDS:
            patience.renew()
        if not patience.wait():
            raise transport.unreachable(broken) from broken


def _read(stream: httpx2.Response) -> Iterator[JobEvent]:
    for sent in httpx2.EventSource(stream):
        if sent.id and sent.data and sent.event != CLOSED:
            yield _make_reader().validate_python({"id": int(sent.id), "type": sent.event, "data": from_json(sent.data)})


@cache
def _make_reader() -> TypeAdapter[JobEvent]:
    return TypeAdapter(JobEvent)
