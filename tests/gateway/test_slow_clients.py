"""Clients that send nothing, half of a request, or read nothing: none of them keeps a connection."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx2
import pytest

from services.gateway.app import create_app
from services.gateway.server import Server
from services.registry.settings import Settings
from tests.conftest import wait_until
from tests.gateway.conftest import Book, served

HEADERS, BODY, IDLE, MOST = 0.5, 2.0, 0.6, 30


@pytest.fixture
def strict(settings: Settings) -> Iterator[Server]:
    limits = {"header_seconds": HEADERS, "body_seconds": BODY, "idle_seconds": IDLE, "max_connections": MOST}
    app = create_app(settings.model_copy(update=limits))
    with served(app) as server:
        yield server


def opened(server: Server, *pieces: bytes) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    for piece in pieces:
        connection.sendall(piece)
    return connection


def answer(connection: socket.socket) -> bytes:
    """Everything until the server ends the connection."""
    pieces = []
    with connection:
        while piece := connection.recv(1 << 16):
            pieces.append(piece)
    return b"".join(pieces)


HALF = b"POST /v1/solve-jobs HTTP/1.1\r\nHost: localhost\r\nX-Half"
JSON = (
    b"POST /v1/solve-jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
)


@pytest.mark.parametrize(
    ("sent", "seconds", "told"),
    [((), HEADERS, b""), ((HALF,), HEADERS, b"request_timeout"), ((JSON,), IDLE, b"request_timeout")],
    ids=["nothing", "headers", "body"],
)
def test_half_a_request_is_not_waited_for(strict: Server, sent: tuple[bytes, ...], seconds: float, told: bytes) -> None:
    begun = time.monotonic()
    said = answer(opened(strict, *sent))
    assert seconds <= time.monotonic() - begun + 0.05 < seconds + 2
    assert said.startswith(b"HTTP/1.1 408 ") if told else not said
    assert told in said


@pytest.mark.parametrize("head", [HALF, JSON], ids=["headers", "body"])
def test_dripping_does_not_help(strict: Server, head: bytes) -> None:
    connection, begun = opened(strict, head), time.monotonic()
    connection.settimeout(0.1)
    said = b""
    while not said and time.monotonic() - begun < 10:
        try:
            connection.sendall(b" ")
            said = connection.recv(1 << 16)
        except TimeoutError:
            continue
        except OSError:
            break
    with suppress(OSError):  # head and body of the answer may come apart
        while piece := connection.recv(1 << 16):
            said += piece
    connection.close()
    assert time.monotonic() - begun < BODY + 2
    assert b"request_timeout" in said


def test_a_body_that_is_not_needed_does_not_keep_the_connection(strict: Server) -> None:
    connection = opened(strict, b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
    begun = time.monotonic()
    with suppress(OSError):  # reset or broken, as it happens
        while time.monotonic() - begun < 8:
            connection.sendall(b"x")
            time.sleep(0.05)
    connection.close()
    assert time.monotonic() - begun < BODY + 2


def test_one_connection_too_many_is_told_so(strict: Server) -> None:
    idle = [opened(strict, HALF) for _ in range(MOST)]
    wait_until(lambda: len(strict.server_state.connections) == MOST)
    said = answer(opened(strict))
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 5" in head
    assert json.loads(body)["code"] == "connections_too_many"
    for connection in idle:
        assert b"request_timeout" in answer(connection)
    assert httpx2.get(f"{strict.url}/livez").status_code == 200


def test_kept_connections_serve_one_request_after_another(strict: Server) -> None:
    with httpx2.Client() as client:
        for _ in range(4):
            assert client.get(f"{strict.url}/livez").status_code == 200
            time.sleep(HEADERS / 3)


def test_a_stream_outlives_the_limits_while_it_is_read(strict: Server, book: Book) -> None:
    claim = book.training()[1]
    with httpx2.stream("GET", f"{strict.url}/v1/jobs/{claim.job_id}/events", timeout=10) as response:
        time.sleep(2 * IDLE + HEADERS)
        book.event(claim, "checkpoint", step=1)
        assert any("checkpoint" in line for line in response.iter_lines())


def test_an_answer_that_is_not_read_ends(strict: Server, book: Book) -> None:
    claim = book.training()[1]
    for _ in range(20):
        book.event(claim, "step", answer="1" * 500_000)
    path = f"GET /v1/jobs/{claim.job_id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    connection = opened(strict, path.encode())
    wait_until(lambda: len(strict.server_state.connections) == 1)
    wait_until(lambda: not strict.server_state.connections, 10)
    connection.close()
