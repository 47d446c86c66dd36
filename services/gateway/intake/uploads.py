"""Reads uploaded data files: one counted stream from the form to the parser, one layer of gzip undone on the way."""

import gzip
import hashlib
import io
import time
import zlib
from dataclasses import dataclass
from typing import IO, Any

from services.gateway.problems.errors import BodyTooLarge, PartsRefused
from services.gateway.schemas.problem import ProblemItem
from services.registry.db.storable import UNSTORABLE
from services.registry.settings import Settings
from trm.errors import DatasetError, RowProblem
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.spec import DeclaredRules, Kind, PuzzleSpec
from trm.puzzles.tables import read_table

GZIP_MAGIC = b"\x1f\x8b"
DAMAGED = (OSError, EOFError, zlib.error)  # what reading broken gzip raises
BROKEN_GZIP = "The file begins like gzip, but cannot be decompressed. Compress it again."
INFLATED_TIMES = 4  # puzzles compress well; more than this is no honest upload


@dataclass(frozen=True)
class Limits:
    """How much a data file may hold, unpacked, and how long it may take to read."""

    total_bytes: int
    lines: int
    seconds: float

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits from the settings."""
        return cls(INFLATED_TIMES * settings.max_body_bytes, settings.max_upload_lines, settings.max_upload_seconds)


class CountingReader(io.RawIOBase):
    """A data file as the parser reads it: it stops at the first byte, line or second beyond a limit."""

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._file, self._limits = _unpack(file), limits
        self._bytes = self._lines = self._objects = 0
        self._deadline = time.monotonic() + limits.seconds

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        """The next bytes; raises BodyTooLarge, or DatasetError for broken gzip."""
        try:
            piece = self._file.read(len(buffer))
        except DAMAGED as error:
            raise DatasetError(BROKEN_GZIP) from error
        self._count(piece)
        buffer[: len(piece)] = piece
        return len(piece)

    def _count(self, piece: bytes) -> None:
        self._bytes += len(piece)
        self._lines += piece.count(b"\n")
        self._objects += piece.count(b"{")  # rows of JSON that need no lines
        if self._bytes > self._limits.total_bytes:
            raise BodyTooLarge(
                f"The file, decompressed, is larger than the {self._limits.total_bytes} bytes taken here."
            )
        if max(self._lines, self._objects) > self._limits.lines:
            raise BodyTooLarge(
                f"The file has more than the {self._limits.lines} lines or JSON objects taken here. Send fewer puzzles."
            )
        if time.monotonic() > self._deadline:
            raise BodyTooLarge(f"The file took longer to read than {self._limits.seconds:g} s. Send fewer puzzles.")


def _unpack(file: IO[bytes]) -> IO[bytes]:
    if file.read(len(GZIP_MAGIC)) != GZIP_MAGIC:
        file.seek(0)
        return file
    file.seek(0)
    inner = io.BufferedReader(gzip.GzipFile(fileobj=file, mode="rb"))
    try:
        is_packed_again = inner.peek(len(GZIP_MAGIC)).startswith(GZIP_MAGIC)
    except DAMAGED as error:  # reading on would find an empty file where the header is cut short
        raise DatasetError(BROKEN_GZIP) from error
    if is_packed_again:
        raise DatasetError("The file is compressed twice: gzip inside gzip. Compress it once.")
    return inner


def read_upload(
    file: IO[bytes],
    field: str,
    kind: Kind,
    limits: Limits,
    *,
    spec: PuzzleSpec | None = None,
    rules: DeclaredRules | None = None,
) -> PuzzleSet:
    """The puzzles of the file sent as form field `field`; raises PartsRefused with the rows that are wrong, or BodyTooLarge."""
    try:
        puzzles = read_table(io.BufferedReader(CountingReader(file, limits)), kind=kind, spec=spec, rules=rules)
        _require_storable(puzzles)
    except DatasetError as error:
        items = [ProblemItem(parameter=field, row=p.row, code=p.code, detail=p.message) for p in error.problems]
        whole = [ProblemItem(parameter=field, detail=str(error))]
        raise PartsRefused(error.code, f"{field}: {error}", items or whole) from error
    return puzzles


def _require_storable(puzzles: PuzzleSet) -> None:
    """Tables are stored as UTF-8, which has no half of a surrogate pair; JSON has."""
    for row, source in enumerate(puzzles.sources or (), start=1):
        if UNSTORABLE.search(source):
            message = "source: it holds NUL or half of a surrogate pair"
            raise DatasetError(f"Row {row}: {message}.", (RowProblem(row, DatasetError.code, message),))
    for symbol in puzzles.spec.symbols:
        if UNSTORABLE.search(symbol):
            raise DatasetError(f"The symbol {symbol!r} cannot be stored: it holds NUL or half of a surrogate pair.")


def digest_of(file: IO[bytes]) -> str:
    """SHA-256 of an uploaded file, which is then read from its beginning again."""
    file.seek(0)
    total = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # a spooled file reads like a binary one
    file.seek(0)
    return total
