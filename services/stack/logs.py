"""The logs of the stack's parts: one file each, rotated to numbered files; read from the end, or followed."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

POLL_SECONDS = 0.25
MOST_OF_A_TAIL = 1 << 20  # bytes


def folder_of(data_dir: Path) -> Path:
    """Folder of the logs; created when missing."""
    folder = data_dir / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def file_of(data_dir: Path, part: str) -> Path:
    """Log file of a part."""
    return folder_of(data_dir) / f"{part}.log"


def last_line(file: Path) -> str:
    """Last line of the log that is not blank."""
    return next(iter(tail(file, 1)), "it said nothing")


def tail(file: Path, lines: int) -> list[str]:
    """The last lines, blank ones at the end left out."""
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - MOST_OF_A_TAIL))
        return opened.read().decode(errors="replace").rstrip().splitlines()[-lines:]


def rotate_all(data_dir: Path, most_bytes: int, files: int) -> None:
    """Rotate every log that has grown too large."""
    for file in folder_of(data_dir).glob("*.log"):
        if file.stat().st_size > most_bytes:
            _rotate(file, files)


def _rotate(file: Path, files: int) -> None:
    """Copy it to `.1`, older ones up to `.files`, and empty it: its writers hold it open, and append.

    Where there is no room for a copy there is none: what matters is that it ends growing.
    """
    for number in range(files, 1, -1):
        older = _name_rotated(file, number - 1)
        if older.exists():
            older.rename(_name_rotated(file, number))
    if files:
        newest = _name_rotated(file, 1)
        try:
            shutil.copyfile(file, newest)
        except OSError:
            newest.unlink(missing_ok=True)
    with file.open("r+b") as opened:
        opened.truncate(0)


def _name_rotated(file: Path, number: int) -> Path:
    return file.with_name(f"{file.name}.{number}")


def follow(files: list[Path]) -> Iterator[tuple[str, str]]:
    """Each line that is written from now on and the part that says it, as they come, forever."""
    return _follow_lines({file: file.stat().st_size for file in files})


def _follow_lines(places: dict[Path, int]) -> Iterator[tuple[str, str]]:
    rests = dict.fromkeys(places, b"")
    while True:
        for file in places:
            size = file.stat().st_size
            if size < places[file]:  # it was turned over
                places[file] = 0
            if size > places[file]:
                with file.open("rb") as opened:
                    opened.seek(places[file])
                    *whole, rests[file] = (rests[file] + opened.read(size - places[file])).split(b"\n")
                places[file] = size
                yield from ((file.stem, line.decode(errors="replace")) for line in whole)
        time.sleep(POLL_SECONDS)
