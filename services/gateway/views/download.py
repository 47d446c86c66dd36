"""Downloads: files of the storage, one or all as a tar, streamed from where they lie; a part of it where that is asked for."""

import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import Response
from fastapi.responses import StreamingResponse

from services.gateway.problems.errors import RangeNotSatisfiable
from services.registry.storage.storage import Storage

CHUNK_BYTES = 256 << 10
BLOCK = tarfile.BLOCKSIZE
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))")


@dataclass(frozen=True)
class Piece:
    """Some bytes of a download: given here, or those of a file."""

    size: int
    file: str | None = None
    data: bytes = b""


def tar(folder: str, sizes: Mapping[str, int], moment: datetime) -> list[Piece]:
    """All files as a tar with one folder; its size is known before anything is read."""
    pieces = []
    for name, size in sorted(sizes.items()):
        info = tarfile.TarInfo(f"{folder}/{name}")
        info.size, info.mtime, info.mode = size, int(moment.timestamp()), 0o644
        pieces += [_wrap(info.tobuf(tarfile.PAX_FORMAT)), Piece(size, name), _wrap(bytes(-size % BLOCK))]
    return [*pieces, _wrap(bytes(2 * BLOCK))]


@dataclass(frozen=True)
class Wanted:
    """What a request says of the part that it wants."""

    range: str | None  # of HTTP
    if_range: str | None

    def part(self, size: int, tag: str) -> tuple[int, int] | None:
        """First byte and the one after the last; None for all. Raises RangeNotSatisfiable.

        Several ranges, or a range of another version, are answered with all, as RFC 9110 allows.
        """
        found = _RANGE.fullmatch(self.range.strip()) if self.range else None
        if found is None or (self.if_range is not None and self.if_range != tag):
            return None
        first, last, tail = found.groups()
        begin = max(0, size - int(tail)) if first is None else int(first)
        end = min(size, int(last) + 1) if last is not None else size
        if begin >= end:
            raise RangeNotSatisfiable(f"The file has {size} bytes: there are none from {begin} on.", size)
        return begin, end


def respond(
    storage: Storage, url: str, pieces: Sequence[Piece], *, wanted: Wanted, tag: str, name: str, media_type: str
) -> Response:
    """The pieces of what is stored at `url`, or the part of them that is wanted, as an attachment."""
    size = sum(piece.size for piece in pieces)
    part = wanted.part(size, tag)
    begin, end = part or (0, size)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - begin),
        "Content-Disposition": f'attachment; filename="{name}"',
        "ETag": tag,
    }
    if part is not None:
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    content = _read(storage, url, pieces, begin, end)
    return StreamingResponse(content, 200 if part is None else 206, headers, media_type)


def _wrap(data: bytes) -> Piece:
    return Piece(len(data), data=data)


def _read(storage: Storage, url: str, pieces: Sequence[Piece], begin: int, end: int) -> Iterator[bytes]:
    at = 0
    for piece in pieces:
        first, last = max(begin - at, 0), min(end - at, piece.size)
        at += piece.size
        if first >= last:
            continue
        if piece.file is None:
            yield piece.data[first:last]
        else:
            yield from _read_file(storage, url, piece.file, first, last)


def _read_file(storage: Storage, url: str, name: str, first: int, last: int) -> Iterator[bytes]:
    with storage.open_file(url, name) as file:
        file.seek(first)
        while first < last:
            data = file.read(min(CHUNK_BYTES, last - first))
            if not data:
                # breaks the connection off: the client sees it
                raise EOFError(f"{name} of {url} is shorter than it was")
            first += len(data)
            yield data
