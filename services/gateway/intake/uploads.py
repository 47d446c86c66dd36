"""Reads uploaded data files: plain or gzip, CSV or JSON lines, checked row by row."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO

from services.gateway.problems.errors import BodyTooLarge, UploadRefused
from services.gateway.schemas.problem import ProblemItem
from trm.errors import DatasetError
from trm.puzzles.datasets.tables import read_table
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.spec import Kind, PuzzleSpec

GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 1 << 20


def read_upload(file: IO[bytes], field: str, kind: Kind, most_bytes: int, spec: PuzzleSpec | None = None) -> PuzzleSet:
    """The puzzles of the file sent as form field `field`; raises UploadRefused with the rows that are wrong."""
    try:
        with _inflated(file, most_bytes) as plain:
            return read_table(plain, kind=kind, spec=spec)
    except DatasetError as error:
        items = [ProblemItem(parameter=field, row=p.row, code=p.code, detail=p.message) for p in error.problems]
        raise UploadRefused(f"{field}: {error}", items or [ProblemItem(parameter=field, detail=str(error))]) from error


@contextmanager
def _inflated(file: IO[bytes], most_bytes: int) -> Iterator[IO[bytes]]:
    """The file itself, or what it decompresses to; never more than `most_bytes`, so that a bomb does not go off."""
    magic = file.read(len(GZIP_MAGIC))
    file.seek(0)
    if magic != GZIP_MAGIC:
        yield file
        return
    with SpooledTemporaryFile(max_size=CHUNK_BYTES) as plain:
        for chunk in _chunks(file, most_bytes):
            plain.write(chunk)
        plain.seek(0)
        yield plain


def _chunks(file: IO[bytes], most_bytes: int) -> Iterator[bytes]:
    left = most_bytes
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as source:
            while chunk := source.read(CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    raise BodyTooLarge(
                        f"The file decompresses to more than the {most_bytes} bytes that this service takes."
                    )
                yield chunk
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError("The file begins like gzip, but cannot be decompressed. Compress it again.") from error
