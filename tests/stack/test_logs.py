"""Logs do not grow forever, and can be followed."""

import errno
import shutil
import threading
from collections import deque
from pathlib import Path
from queue import Queue

import pytest

from services.stack import logs


def test_a_log_that_has_grown_is_turned_over_and_its_writer_goes_on(tmp_path: Path) -> None:
    file = logs.file_of(tmp_path, "gateway")
    with file.open("a", buffering=1) as writer:
        for number in range(5):
            writer.write(f"line {number} {'.' * 100}\n")
            logs.rotate_all(tmp_path, most_bytes=100, files=2)
        writer.write("the last\n")
    assert file.read_text() == "the last\n"
    older = [file.with_name(f"gateway.log.{number}").read_text()[:6] for number in (1, 2)]
    assert older == ["line 4", "line 3"]
    assert len(list(file.parent.iterdir())) == 3


def test_a_short_log_stays(tmp_path: Path) -> None:
    file = logs.file_of(tmp_path, "gateway")
    file.write_text("short\n")
    logs.rotate_all(tmp_path, most_bytes=100, files=2)
    assert [left.name for left in file.parent.iterdir()] == ["gateway.log"]


def test_new_lines_are_followed_over_a_turn(tmp_path: Path) -> None:
    file, heard = logs.file_of(tmp_path, "reaper"), Queue[tuple[str, str]]()
    file.write_text("before\n")
    followed = logs.follow([file])
    threading.Thread(target=lambda: deque(map(heard.put, followed)), daemon=True).start()
    with file.open("a", buffering=1) as writer:
        for number in range(3):
            writer.write(f"line {number} ")
            writer.write(f"{'.' * 100}\n")
            assert heard.get(timeout=10)[1].startswith(f"line {number} ")
            logs.rotate_all(tmp_path, most_bytes=150, files=1)


def test_the_tail_is_the_end(tmp_path: Path) -> None:
    file = logs.file_of(tmp_path, "reaper")
    file.write_text("one\ntwo\nthree\n\n")
    assert logs.tail(file, 2) == ["two", "three"]
    assert logs.last_line(file) == "three"


def test_a_log_without_room_for_a_copy_is_emptied_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(_source: Path, place: Path) -> None:
        place.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", no_room)
    file = logs.file_of(tmp_path, "gateway")
    file.write_text("." * 200)
    logs.rotate_all(tmp_path, most_bytes=100, files=2)
    assert file.read_text() == ""
    assert [left.name for left in file.parent.iterdir()] == ["gateway.log"]
