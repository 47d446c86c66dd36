"""What is sent cannot make the gateway large: its memory stays bounded while it reads, and is back afterwards."""

import gzip
import re
import socket
import subprocess
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from services.gateway.middleware.whole_body import MemoryBudget
from services.gateway.problems.errors import Overloaded
from tests.gateway.test_server import announced_url, environment, process

__all__ = ["environment", "process"]
pytestmark = pytest.mark.slow
MIB = 1 << 20
MOST_GROWN = 200 * MIB  # while it reads
MOST_KEPT = 40 * MIB  # afterwards


def resident(process: subprocess.Popen[str], what: str = "VmRSS") -> int:
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def packed(piece: bytes, times: int, head: bytes = b"question,answer\n") -> bytes:
    """gzip of a head and a piece many times over; the same MiB of pieces is compressed once."""
    body = piece * (MIB // len(piece))
    deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    blocks = [deflate.compress(text) + deflate.flush(zlib.Z_FULL_FLUSH) for text in (head, body)]
    count, checksum = times * len(piece) // MIB + 1, zlib.crc32(head)
    for _ in range(count):
        checksum = zlib.crc32(body, checksum)
    size = (len(head) + count * len(body)) % (1 << 32)
    trailer = checksum.to_bytes(4, "little") + size.to_bytes(4, "little")
    return gzip.compress(b"", mtime=0)[:10] + blocks[0] + blocks[1] * count + deflate.flush() + trailer


def two_layers() -> bytes:
    return gzip.compress(packed(b"\0", 600 * MIB, b""))


def many_rows() -> bytes:
    return packed(b"1,2\n", 20_000_000)


def one_long_line() -> bytes:
    return packed(b"1", 100 * MIB)


def many_columns() -> bytes:
    return packed(b",", 100 * MIB)


def many_objects() -> bytes:
    return packed(b"{}\n", 30_000_000, b"")


def one_array() -> bytes:
    return packed(b"[],", 30_000_000, b"[")


BOMBS = [two_layers, many_rows, one_long_line, many_columns, many_objects, one_array]


@pytest.mark.parametrize("bomb", BOMBS)
def test_uploads(process: subprocess.Popen[str], bomb: Callable[[], bytes]) -> None:
    url = announced_url(process)
    before, content = resident(process), bomb()
    response = httpx2.post(
        f"{url}/v1/datasets", data={"name": "a", "kind": "grid"}, files={"file": ("a", content)}, timeout=100
    )
    print(f"{bomb.__name__}: {len(content)} bytes, {response.status_code}")
    check_memory(process, before)
    assert response.status_code in (413, 422), response.text


def test_what_was_taken_in_is_let_go(process: subprocess.Popen[str]) -> None:
    url = announced_url(process)
    before, row = resident(process), b"12345678" * 8
    content = packed(row + b"," + row + b"\n", 60_000)
    files = {"file": ("a", content), "test_file": ("b", b"question,answer\n" + row + b"," + row + b"\n")}
    response = httpx2.post(f"{url}/v1/datasets", data={"name": "a", "kind": "grid"}, files=files, timeout=100)
    assert response.status_code == 201, response.text
    check_memory(process, before)


def check_memory(process: subprocess.Popen[str], before: int) -> None:
    deadline = time.monotonic() + 5
    while resident(process) - before > MOST_KEPT and time.monotonic() < deadline:
        time.sleep(0.1)
    grown, kept = resident(process, "VmHWM") - before, resident(process) - before
    print(f"grown by {grown // MIB} MiB, kept {kept // MIB} MiB")
    assert grown < MOST_GROWN
    assert kept < MOST_KEPT


STALLED = 60


def stalled(url: str, path: str, media_type: str, head: bytes, body: bytes) -> socket.socket:
    """A request whose body stops one byte before its end."""
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    lines = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\n"
    with suppress(OSError):  # it may be refused before it is sent
        connection.sendall(f"{lines}Content-Length: {len(head) + len(body) + 1}\r\n\r\n".encode() + head)
        connection.sendall(body)
    return connection


def part(name: str) -> bytes:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'.encode()


@pytest.mark.parametrize(
    ("path", "media_type", "head", "piece"),
    [
        ("/v1/solve-jobs", "application/json", b"", b" " * MIB),
        ("/v1/solve-jobs", "multipart/form-data; boundary=x", part("file"), b"1" * MIB),
        ("/v1/datasets", "multipart/form-data; boundary=x", part("file"), b"1" * MIB),
        ("/v1/datasets", "multipart/form-data; boundary=x", b"", part("file") + b"1" * (MIB - 1000) + b"\r\n"),
        ("/v1/datasets", "application/x-www-form-urlencoded", b"a=", b"1" * MIB),
    ],
)
def test_stalled_bodies(process: subprocess.Popen[str], path: str, media_type: str, head: bytes, piece: bytes) -> None:
    url = announced_url(process)
    before = resident(process)
    connections = [stalled(url, path, media_type, head, piece * 5) for _ in range(STALLED)]
    time.sleep(1)
    assert httpx2.get(f"{url}/livez", timeout=10).status_code == 200
    for connection in connections:
        connection.close()
    time.sleep(0.5)
    check_memory(process, before)


@pytest.mark.parametrize("piece", [b"[]", b"1", b'""'], ids=["lists", "numbers", "texts"])
def test_json_of_many_small_things(process: subprocess.Popen[str], piece: bytes) -> None:
    url = announced_url(process)
    before = resident(process)
    content = b'{"model":"sudoku-6x6","puzzles":[' + (piece + b",") * 8_000_000 + piece + b"]}"
    response = httpx2.post(
        f"{url}/v1/solve-jobs", content=content, headers={"content-type": "application/json"}, timeout=100
    )
    assert response.status_code in (413, 422), response.text
    check_memory(process, before)


def test_bodies_that_are_whole_are_bounded_in_total() -> None:
    room = MemoryBudget(10)
    room.take(10)
    with pytest.raises(Overloaded):
        room.take(1)
    room.give_back(10)
    room.take(10)
