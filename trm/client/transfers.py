"""Files on their way: downloads that are resumed and complete or not there, uploads that tell how far they are."""

import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote

import httpx2

from trm.client.api import OperationId
from trm.client.errors import UnexpectedAnswer
from trm.client.transport import LOST, Patience, Transport

OnBytes = Callable[[int, int], None]  # bytes so far, bytes in all
CHUNK_BYTES = 1 << 18
PARTIAL = "part"


def download(
    transport: Transport, operation: OperationId, path: Mapping[str, str], to: Path, on_progress: OnBytes | None
) -> Path:
    """Write what the operation sends to this file, which appears once it is whole; returns its path.

    What has arrived is kept beside it as `.NAME.TAG.part`: the next call continues there unless the service has another
    version now. Raises OSError where the file cannot be written.
    """
    patience = Patience(transport.retry_seconds)
    while True:
        part = next((part for part in _find_partials(to) if part.stat().st_size), None)  # what an earlier one has left
        try:
            with transport.open(operation, path=path, headers=_range(to, part), answers={416}) as response:
                if response.status_code == httpx2.codes.RANGE_NOT_SATISFIABLE:
                    if part is not None:
                        part.unlink()  # all of it had arrived, or more than there is
                        continue
                    raise UnexpectedAnswer(f"{response.request.url} has no bytes.")
                part = _partial(to, response.headers.get("ETag", ""))
                for done, total in _save(response, part):
                    patience.renew()
                    if on_progress is not None:
                        on_progress(done, total)
        except LOST as error:
            if not patience.wait():
                raise transport.unreachable(error) from error
            continue
        return part.replace(to)


def _save(response: httpx2.Response, part: Path) -> Iterator[tuple[int, int]]:
    """Write the body after what is there, or in its place when all is sent; yields bytes so far and in all."""
    resumed = response.status_code == httpx2.codes.PARTIAL_CONTENT
    size = int(response.headers["Content-Length"])
    with part.open("ab" if resumed else "wb") as file:
        done = file.tell()
        total = done + size
        yield done, total
        for chunk in response.iter_raw(CHUNK_BYTES):
            file.write(chunk)
            done += len(chunk)
            yield done, total
        file.flush()
        os.fsync(file.fileno())
    if done != total:
        raise httpx2.RemoteProtocolError(f"{total - done} bytes are missing")


def _range(to: Path, part: Path | None) -> dict[str, str]:
    whole = {"Accept": "*/*", "Accept-Encoding": "identity"}
    if part is None:
        return whole
    tag = unquote(part.name.removeprefix(f".{to.name}.").removesuffix(f".{PARTIAL}"))
    return whole | {"Range": f"bytes={part.stat().st_size}-", "If-Range": tag}


def _partial(to: Path, tag: str) -> Path:
    """Where the version of this tag is gathered; what there is of others is removed."""
    mark = quote(tag, safe="").replace(".", "%2E")  # dots end it
    part = to.with_name(f".{to.name}.{mark}.{PARTIAL}")
    for other in _find_partials(to):
        if other != part:
            other.unlink(missing_ok=True)
    return part


def _find_partials(to: Path) -> Iterator[Path]:
    name = re.compile(rf"\.{re.escape(to.name)}\.[^.]*\.{PARTIAL}")
    return (path for path in sorted(to.parent.iterdir()) if name.fullmatch(path.name))


class Upload(io.FileIO):
    """A file that tells how much of it was read, which is how much was sent."""

    def __init__(self, path: str | Path, on_read: Callable[[int], None]) -> None:
        super().__init__(path)
        self._on_read = on_read

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes."""
        data = super().read(-1 if size is None else size) or b""
        self._on_read(self.tell())
        return data
