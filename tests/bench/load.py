"""A load of HTTP requests from many clients at once, each of which waits for an answer before it asks again."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass
class Load:
    """What the clients saw, over all rounds."""

    latencies: list[float] = field(default_factory=list)  # seconds
    seconds: float = 0.0
    last: bytes = b""  # an answer's body

    def quantile(self, share: float) -> float:
        """The latency that this share of the requests stayed within, in milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def per_second(self) -> float:
        """Requests answered in a second."""
        return len(self.latencies) / self.seconds


def put(load: Load, url: str, body: dict[str, Any], *, clients: int, requests: int) -> None:
    """Send so many requests and add what was seen to `load`; raises RuntimeError at an answer that is not 202."""
    split = urlsplit(url)
    content = json.dumps(body).encode()
    head = f"POST {split.path} HTTP/1.1\r\nHost: {split.netloc}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
    asyncio.run(_all(load, split.hostname or "", split.port or 80, request, clients, requests))


async def _all(load: Load, host: str, port: int, request: bytes, clients: int, requests: int) -> None:
    streams = [await asyncio.open_connection(host, port) for _ in range(clients)]
    left, begun = iter(range(requests)), time.perf_counter()
    await asyncio.gather(*(_client(load, reader, writer, request, left) for reader, writer in streams))
    load.seconds += time.perf_counter() - begun
    for _, writer in streams:
        writer.close()
        await writer.wait_closed()


async def _client(
    load: Load, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, left: Iterator[int]
) -> None:
    for _ in left:
        begun = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        found = _LENGTH.search(head)
        load.last = await reader.readexactly(int(found.group(1)) if found else 0)
        load.latencies.append(time.perf_counter() - begun)
        if b" 202 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"{head!r} {load.last[:500]!r}")
