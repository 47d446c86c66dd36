"""What happens to a job, as it happens; continued where it was broken off when the connection or the gateway is lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2

from trm.client.transport import LOST, Patience, Transport
from trm.json_text import from_json

LAST = "done"
CLOSED = "closed"  # the key has ended, which the next request is told as an error
SILENCE_SECONDS = 30.0  # the service sends a sign of life every 15 s


@dataclass(frozen=True)
class Event:
    """An event of a job: `started`, `evaluated`, `checkpoint`, `step`, `solved`, ...; the last one is `done`."""

    id: int  # its number within the job, from 1; gaps are possible
    type: str
    data: dict[str, Any]


def follow(transport: Transport, job_id: str, after: int) -> Iterator[Event]:
    """Every event after the one of this number, until the job has ended."""
    patience = Patience(transport.retry_seconds)
    last = ""
    while True:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        extra = max(0.0, SILENCE_SECONDS - transport.timeout)
        with transport.open("streamJobEvents", path={"job_id": job_id}, headers=headers, extra_seconds=extra) as stream:
            if stream.status_code == httpx2.codes.NO_CONTENT:
                return
            try:
                for event in _read(stream):
                    after, last = event.id, event.type
                    patience.renew()
                    yield event
            except LOST as error:
                if not patience.wait():
                    raise transport.unreachable(error) from error
                continue
        if last == LAST:
            return
        if not patience.wait():  # a gateway that stops ends its streams
            raise transport.unreachable(httpx2.ReadError("every stream of events was broken off"))


def _read(stream: httpx2.Response) -> Iterator[Event]:
    for sent in httpx2.EventSource(stream):
        if sent.id and sent.data and sent.event != CLOSED:
            yield Event(int(sent.id), sent.event, from_json(sent.data))
