"""The process: how it starts, refuses bodies, and stops."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx2
import pytest

from services.gateway.server import Server
from services.registry.settings import Settings
from tests.gateway.conftest import Book


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    set_here = {"database_url", "broker_url", "data_dir"}
    ours = {f"TRM_{name.upper()}": str(getattr(settings, name)) for name in set_here}
    return {**os.environ, **ours, "TRM_GATEWAY_PORT": "0", "TRM_LOG_FORMAT": "console"}


@pytest.fixture
def process(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "services.gateway"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def announced_url(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"gateway\.listening.*url=(\S+)", line):
            return found.group(1)
    raise AssertionError("the gateway has ended without listening")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_announces_itself_and_stops_in_good_order(
    process: subprocess.Popen[str], book: Book, number: signal.Signals
) -> None:
    url = announced_url(process)
    assert httpx2.get(f"{url}/readyz").json()["status"] == "ready"
    claim = book.training()[1]
    with httpx2.stream("GET", f"{url}/v1/jobs/{claim.job_id}/events", timeout=10) as response:
        begun = time.monotonic()
        process.send_signal(number)
        assert b"".join(response.iter_bytes()).startswith(b"retry: ")
    assert process.wait(10) == 0
    assert time.monotonic() - begun < 5


def test_it_does_not_start_on_a_database_without_tables(environment: dict[str, str], empty_database_url: str) -> None:
    environment |= {"TRM_DATABASE_URL": empty_database_url}
    command = [sys.executable, "-m", "services.gateway"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "schema_behind" in ended.stderr
    assert "python -m migrations" in ended.stderr


def test_importing_it_loads_no_torch() -> None:
    code = "import sys, services.gateway.__main__; print(sorted({'torch', 'safetensors'} & sys.modules.keys()))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def chunks(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b" " * (1 << 20)


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_too_large_is_answered_before_it_is_parsed(server: Server, settings: Settings, announced: bool) -> None:
    count = settings.max_body_bytes // (1 << 20) + 8
    headers = {"content-type": "application/json"}
    if announced:
        headers["content-length"] = str(count << 20)
    response = httpx2.post(f"{server.url}/v1/solve-jobs", content=chunks(count), headers=headers, timeout=30)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert response.headers["connection"] == "close"
    assert str(settings.max_body_bytes) in response.json()["detail"] or not announced


def test_a_refused_body_is_not_waited_for(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"POST /v1/datasets HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        assert b"413" in connection.recv(1000)


def test_a_body_of_the_largest_size_is_taken(server: Server, settings: Settings) -> None:
    content = b"{}".ljust(settings.max_body_bytes)
    headers = {"content-type": "application/json"}
    response = httpx2.post(f"{server.url}/v1/solve-jobs", content=content, headers=headers, timeout=30)
    assert response.json()["code"] == "request_invalid"
