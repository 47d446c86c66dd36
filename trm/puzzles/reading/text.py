"""The text of a file: gzip or not, UTF-8 or UTF-16, read piece by piece."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TextIO

from trm.errors import DatasetError
from trm.file_signatures import HEAD, describe

GZIP = b"\x1f\x8b"


@contextmanager
def open_text(source: Path | IO[bytes]) -> Iterator[TextIO]:
    """The text, with line ends as \\n and without a byte order mark.

    Raises DatasetError, also while the text is read, for anything that is not text; one layer of gzip is undone, not more.
    """
    name = source.name if isinstance(source, Path) else "The file"
    try:
        if isinstance(source, Path):
            with source.open("rb") as file:
                yield _decode(file, name)
        else:
            yield _decode(source, name)
    except UnicodeDecodeError as error:
        place = f"byte {error.start} of a piece is 0x{error.object[error.start]:02x}"
        raise DatasetError(f"{name} is neither UTF-8 nor UTF-16 text: {place}. Save it as UTF-8.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DatasetError(f"{name} begins like gzip, but cannot be decompressed. Compress it again.") from error
    except OSError as error:
        raise DatasetError(f"{name} cannot be read: {error.strerror or error}.") from error


class _Borrowed(io.RawIOBase):
    """The caller's file: what is wrapped around it may go without closing it."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  any writable buffer
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _decode(file: IO[bytes], name: str) -> TextIO:
    plain = io.BufferedReader(_Borrowed(file))
    if plain.peek(len(GZIP))[: len(GZIP)] == GZIP:
        plain = io.BufferedReader(_Borrowed(gzip.GzipFile(fileobj=plain)))
        if plain.peek(len(GZIP))[: len(GZIP)] == GZIP:
            raise DatasetError(f"{name} is compressed twice. Compress it once.")
    head = plain.peek(HEAD)[:HEAD]
    if (what := describe(head)) is not None:
        raise DatasetError(f"{name} is {what}.")
    return io.TextIOWrapper(plain, encoding=_encoding(head, name))


def _encoding(head: bytes, name: str) -> str:
    """Detect the encoding by the byte order mark, or by where zero bytes are."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\0" not in head:
        return "utf-8-sig"
    pairs = head[: len(head) // 2 * 2]
    if not any(pairs[1::2]):
        return "utf-16-le"
    if not any(pairs[::2]):
        return "utf-16-be"
    raise DatasetError(f"{name} is not text: it holds zero bytes. Give CSV or JSON lines.")
