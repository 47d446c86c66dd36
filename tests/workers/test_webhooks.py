"""Webhooks reach a real server, signed; what fails is tried again, and nothing reaches an address that is not public."""

import http.server
import json
import random
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from standardwebhooks import Webhook

from services.registry.access.visibility import EVERYTHING, AccessScope
from services.registry.db.access_tables import WebhookDelivery, WebhookEndpoint
from services.registry.db.database import Database
from services.registry.errors import WebhookRefused
from services.registry.jobs import completion, jobs, leases
from services.registry.jobs.transitions import Failure
from services.registry.states import JobKind, JobStatus
from services.registry.webhooks import webhooks
from services.registry.webhooks.webhook_address import parse
from tests.fresh import new_job, new_run
from trm.config.overrides import resolve
from trm.puzzles.sudoku import spec_for
from workers.webhooks.http_client import HttpClient, RequestFailed
from workers.webhooks.schedule import PAUSES_SECONDS, pause_seconds
from workers.webhooks.webhooks import WebhookSender

ALICE = AccessScope("alice")


class Receiver:
    """A server outside of the service: keeps what it gets, and answers as it is told."""

    def __init__(self) -> None:
        self.status, self.headers = 204, dict[str, str]()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                receiver.may_answer.wait()
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?a=b"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def secure(tmp_path: Path, receiver: Receiver) -> ssl.SSLContext:
    """The receiver behind TLS, for the name hooks.example; the value trusts its certificate."""
    openssl = shutil.which("openssl")
    assert openssl is not None, "openssl makes the certificate"
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    asked = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=hooks.example"]
    names = ["-addext", "subjectAltName=DNS:hooks.example", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, *asked, *names], check=True, capture_output=True)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    receiver.server.socket = serving.wrap_socket(receiver.server.socket, server_side=True)
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
def sender(database: Database) -> WebhookSender:
    return WebhookSender(database, HttpClient(allow_loopback=True, seconds=1))


def endpoint(database: Database, url: str, *events: str) -> WebhookEndpoint:
    with database.transaction() as session:
        return webhooks.create(session, ALICE, url=url, events=events or ("job.failed", "job.succeeded"))


def end_a_job(database: Database, owner: str = "alice", status: JobStatus = JobStatus.SUCCEEDED) -> str:
    config = resolve("sudoku-6x6", spec_for(4))
    with database.transaction() as session:
        job = new_job(session, JobKind.TRAIN, {}, run_id=new_run(session, config).id, owner=owner)
    with database.transaction() as session:
        claim = leases.claim(session, job.id, "tests", 30)
        assert claim is not None
        failure = Failure("trainer_died", "It died.") if status is JobStatus.FAILED else None
        completion.finish(session, claim, status, failure=failure)
    return job.id


def deliveries(database: Database, made: WebhookEndpoint) -> list[WebhookDelivery]:
    with database.transaction() as session:
        return webhooks.deliveries(session, EVERYTHING, made.id).items


def make_due(database: Database) -> None:
    with database.transaction() as session:
        session.execute(update(WebhookDelivery).where(WebhookDelivery.due_at.is_not(None)).values(due_at="2020-01-01"))


def test_an_end_arrives_signed(database: Database, receiver: Receiver, sender: WebhookSender) -> None:
    made = endpoint(database, receiver.url)
    job_id = end_a_job(database, status=JobStatus.FAILED)
    assert sender.make_round() == 1
    [(path, headers, body)] = receiver.got
    told: dict[str, Any] = Webhook(made.secret).verify(body, headers)
    assert path == "/hook?a=b"
    assert headers["host"] == receiver.url.split("/")[2]
    assert (told["type"], told["data"]["id"], told["data"]["error_code"]) == ("job.failed", job_id, "trainer_died")
    [row] = deliveries(database, made)
    assert (row.id, row.outcome, row.due_at) == (headers["webhook-id"], "204", None)
    assert row.delivered_at
    assert sender.make_round() == 0


def test_only_the_owner_is_told_and_only_what_is_wanted(
    database: Database, receiver: Receiver, sender: WebhookSender
) -> None:
    endpoint(database, receiver.url, "job.failed")
    end_a_job(database, owner="bob", status=JobStatus.FAILED)
    end_a_job(database, owner="alice")
    assert sender.make_round() == 0


def test_an_end_that_is_rolled_back_is_not_told(database: Database, receiver: Receiver, sender: WebhookSender) -> None:
    endpoint(database, receiver.url, "job.cancelled")
    with database.transaction() as session:
        run = new_run(session, resolve("sudoku-6x6", spec_for(4)))
        job = new_job(session, JobKind.TRAIN, {}, run_id=run.id, owner="alice")
    with database.transaction() as session:
        jobs.request_cancel(session, EVERYTHING, job.id)
        session.rollback()
    assert sender.make_round() == 0
    with database.transaction() as session:
        jobs.request_cancel(session, EVERYTHING, job.id)
    assert sender.make_round() == 1


@pytest.mark.parametrize("status", [301, 307, 400, 404, 500, 503])
def test_every_other_answer_is_a_failure_and_is_tried_again(
    database: Database, receiver: Receiver, sender: WebhookSender, status: int
) -> None:
    made = endpoint(database, receiver.url)
    end_a_job(database)
    receiver.status, receiver.headers = status, {"Location": receiver.url, "Content-Length": "0"}
    assert sender.make_round() == 1
    assert sender.make_round() == 0  # not at once
    [row] = deliveries(database, made)
    assert (row.attempt, row.outcome, row.delivered_at) == (1, str(status), None)
    receiver.status = 200
    make_due(database)
    assert sender.make_round() == 1
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 1
    assert len(receiver.got) == 2  # a redirect was not followed
    assert deliveries(database, made)[0].attempt == 2


def test_a_receiver_that_is_gone_gets_no_more_messages(
    database: Database, receiver: Receiver, sender: WebhookSender
) -> None:
    made = endpoint(database, receiver.url)
    end_a_job(database)
    receiver.status, receiver.headers = 410, {"Content-Length": "0"}
    assert sender.make_round() == 1
    end_a_job(database)
    make_due(database)
    assert sender.make_round() == 0
    with database.transaction() as session:
        assert webhooks.get(session, EVERYTHING, made.id).disabled_at


def test_it_is_given_up_in_the_end(database: Database, sender: WebhookSender) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        made = endpoint(database, f"http://127.0.0.1:{closed.getsockname()[1]}/")
    end_a_job(database)
    for _ in range(len(PAUSES_SECONDS) + 1):
        make_due(database)
        assert sender.make_round() == 1
    make_due(database)
    assert sender.make_round() == 0
    [row] = deliveries(database, made)
    assert (row.attempt, row.outcome) == (len(PAUSES_SECONDS) + 1, "no answer: ConnectionRefusedError")


def test_a_slow_answer_is_not_waited_for(database: Database, receiver: Receiver, sender: WebhookSender) -> None:
    made = endpoint(database, receiver.url)
    end_a_job(database)
    receiver.may_answer.clear()
    sender.make_round()
    receiver.may_answer.set()
    assert "no answer" in (deliveries(database, made)[0].outcome or "")


def test_an_answer_of_one_byte_at_a_time_is_broken_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                while True:
                    connection.sendall(b"H")
                    time.sleep(0.05)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(RequestFailed):
            HttpClient(allow_loopback=True, seconds=0.5).post(
                f"http://127.0.0.1:{listening.getsockname()[1]}/", b"{}", {}
            )
        thread.join(5)
        assert not thread.is_alive()


def test_a_sender_that_dies_leaves_its_messages_due(
    database: Database, receiver: Receiver, sender: WebhookSender
) -> None:
    endpoint(database, receiver.url)
    end_a_job(database)
    with database.transaction() as session:
        assert len(webhooks.claim_due(session, 10, hold_seconds=0)) == 1  # and then it dies
    assert sender.make_round() == 1
    assert len(receiver.got) == 1


def test_a_sender_that_was_away_for_too_long_changes_nothing(database: Database) -> None:
    made = endpoint(database, "https://example.org/")
    end_a_job(database)
    with database.transaction() as session:
        [slow] = webhooks.claim_due(session, 10, hold_seconds=0)
    with database.transaction() as session:
        [other] = webhooks.claim_due(session, 10, hold_seconds=60)
        webhooks.record_arrival(session, other, "204")
        webhooks.record_failure(session, slow, "no answer", pause_seconds=5)
    [row] = deliveries(database, made)
    assert (row.attempt, row.outcome, row.due_at) == (2, "204", None)


def test_two_senders_share_the_work(database: Database, receiver: Receiver, sender: WebhookSender) -> None:
    endpoint(database, receiver.url)
    for _ in range(6):
        end_a_job(database)
    senders = [sender, WebhookSender(database, HttpClient(allow_loopback=True))]
    threads = [threading.Thread(target=each.make_round) for each in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while sender.make_round():
        pass
    ids = [headers["webhook-id"] for _, headers, _ in receiver.got]
    assert sorted(ids) == sorted(set(ids))
    assert len(ids) == 6


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_no_spelling_of_the_loopback_is_connected_to(receiver: Receiver, host: str) -> None:
    with pytest.raises((WebhookRefused, RequestFailed)) as refused:
        HttpClient().post(f"http://{host}:8080/", b"{}", {})
    assert refused.type is WebhookRefused or "name is not known" in str(refused.value)
    assert receiver.got == []


def test_a_name_with_one_inner_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(0, 0, 0, "", ("93.184.216.34", 443)), (0, 0, 0, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(WebhookRefused, match=r"10\.0\.0\.1"):
        HttpClient().resolve_addresses(parse("https://example.org/"))


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    """A second answer (DNS rebinding) is never asked for: the connection goes to the address that was checked."""
    port, asked = receiver.server.server_port, []
    real = socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        if host == "rebound.example":
            asked.append(host)
            host = "127.0.0.1"
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    status = HttpClient(allow_loopback=True).post(f"http://rebound.example:{port}/", b"{}", {})
    assert (status, asked) == (204, ["rebound.example"])
    assert receiver.got[0][1]["host"] == f"rebound.example:{port}"


def test_certificates_are_checked_for_the_name_not_the_address(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver, secure: ssl.SSLContext
) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *rest, **options: real("127.0.0.1", *rest, **options))
    http_client = HttpClient(allow_loopback=True)
    with pytest.raises(RequestFailed, match="certificate"):
        http_client.post(f"https://hooks.example:{receiver.server.server_port}/", b"{}", {})
    http_client._tls = secure
    assert http_client.post(f"https://hooks.example:{receiver.server.server_port}/", b"{}", {}) == 204
    with pytest.raises(RequestFailed, match="certificate"):
        http_client.post(f"https://other.example:{receiver.server.server_port}/", b"{}", {})


def test_the_schedule_grows_to_a_day_and_ends() -> None:
    generator = random.Random(0)
    pauses = [pause_seconds(attempt, generator) for attempt in range(1, len(PAUSES_SECONDS) + 2)]
    assert pauses[-1] is None
    for pause, middle in zip(pauses[:-1], PAUSES_SECONDS, strict=True):
        assert pause is not None
        assert 0.8 * middle <= pause <= 1.2 * middle
    assert (PAUSES_SECONDS[0], PAUSES_SECONDS[-1]) == (5, 86_400)


def test_messages_are_thin(database: Database) -> None:
    made = endpoint(database, "https://example.org/")
    end_a_job(database, status=JobStatus.FAILED)
    assert len(json.dumps(deliveries(database, made)[0].payload)) < 1_000
