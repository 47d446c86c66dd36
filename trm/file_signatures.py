"""Recognises foreign file formats by their first bytes, for error messages."""

from pathlib import Path

HEAD = 512  # bytes that tell
LFS = b"version https://git-lfs.github.com/spec/"
STARTS = (
    (LFS, "a git-lfs pointer, not the file itself: fetch it with `git lfs pull`"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook: unpack it, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: save it as CSV"),
    (b"\x93NUMPY", "a numpy array: write it as CSV or JSON lines"),
    (b"PAR1", "a Parquet file: write it as CSV or JSON lines"),
    (b"BZh", "compressed by bzip2: unpack it, or compress it by gzip"),
    (b"\xfd7zXZ\x00", "compressed by xz: unpack it, or compress it by gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd: unpack it, or compress it by gzip"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"\x89PNG", "a picture"),
    (b"\x89HDF", "an HDF5 file: write it as CSV or JSON lines"),
    (b"SQLite format 3", "an SQLite database: write it as CSV or JSON lines"),
    (b"%PDF", "a PDF document"),
    (b"\x00\x05\x16\x07", "a resource fork that macOS made beside the file"),
)


def describe(head: bytes) -> str | None:
    """Describe the format that begins with these bytes and what to do about it; None when it is unknown."""
    for start, words in STARTS:
        if head.startswith(start):
            return words
    page = head.lstrip().lower()
    if page.startswith((b"<!doctype html", b"<html")):
        return "a web page, not the file itself: download the file"
    return None


def describe_file(path: Path) -> str | None:
    """Describe a file's format; None also when it cannot be read."""
    try:
        with path.open("rb") as file:
            return describe(file.read(HEAD))
    except OSError:
        return None
