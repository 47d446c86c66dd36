"""A gateway that goes away under its clients, and clients who do not behave."""

import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.chaos.customer import Customer
from tests.chaos.load import under_load
from tests.chaos.stand import HOST, Stand


@pytest.mark.fault("gateway", "kill -9 and SIGTERM, under load")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_the_gateway_under_load(stand: Stand, customer: Customer, how: signal.Signals) -> None:
    with under_load(customer):
        for _ in range(2):
            time.sleep(1)
            stand.down("gateway", how)
            stand.up("gateway")


@pytest.mark.fault("gateway", "killed while a stream is read, which continues with Last-Event-ID")
def test_a_stream_goes_on_over_a_restart(stand: Stand, customer: Customer) -> None:
    job, seen = customer.train(400, checkpoint_every=10), list[tuple[int, str]]()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(_follow, customer, job, seen)
        customer.checkpointed(job)
        for _ in range(2):
            stand.kill("gateway")
            stand.wait_ready("gateway")
            customer.under_way(job)
        reading.result(customer.patience)
    assert [number for number, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][1] == "done"
    assert sum(kind == "checkpoint" for _, kind in seen) == 40


def _follow(customer: Customer, job: str, seen: list[tuple[int, str]]) -> None:
    """Read a job's stream to its end, as a browser does: whatever breaks, go on after the last event."""
    deadline = time.monotonic() + customer.patience
    while not (seen and seen[-1][1] == "done"):
        assert time.monotonic() < deadline, seen
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(seen[-1][0] if seen else 0)}
        with (
            suppress(httpx2.TransportError),
            httpx2.stream("GET", f"{customer.api}/v1/jobs/{job}/events", headers=headers) as stream,
        ):
            number, kind = 0, ""
            for line in stream.iter_lines():
                if line.startswith("id:"):
                    number = int(line.removeprefix("id:"))
                elif line.startswith("event:"):
                    kind = line.removeprefix("event:").strip()
                elif not line and number:
                    seen.append((number, kind))
                    number = 0
        time.sleep(0.1)


@pytest.mark.fault("gateway", "clients that read nothing, or hang up in the middle of a request")
def test_clients_who_do_not_behave(stand: Stand, customer: Customer) -> None:
    job = customer.solve(100, trace=True)
    port = urlsplit(stand.api).port or 0
    slow = [
        _said(port, f"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
        for _ in range(20)
    ]
    for number in range(50):
        half = "POST /v1/solve-jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
        _said(port, half + '{"model": "' * (number % 2)).close()
    for other in [customer.solve() for _ in range(20)]:
        customer.succeeded(other)
    customer.succeeded(job)
    for client in slow:
        with closing(client):
            client.settimeout(10)
            assert client.recv(12) == b"HTTP/1.1 200"


def _said(port: int, request: str) -> socket.socket:
    client = socket.create_connection((HOST, port))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(request.encode())
    return client


@pytest.mark.fault("gateway", "a training beside 300 solve jobs: neither waits for the other")
def test_a_training_and_many_solve_jobs(stand: Stand, customer: Customer) -> None:
    training, done = customer.train(3000), threading.Event()
    customer.under_way(training)

    def ask() -> None:
        for _ in range(100):
            customer.succeeded(customer.solve())

    with ThreadPoolExecutor(3) as pool:
        for one in [pool.submit(ask) for _ in range(3)]:
            one.result()
    done.set()
    found = customer.job(training)
    assert found["status"] == "running"  # they did not wait for it
    assert found["progress"]["step"] > 0
    customer.broken.add(training)
    customer.move(training, "cancel")
