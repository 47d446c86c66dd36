"""What a client does when a gateway is killed, an answer is lost, or the service is busy."""

import os
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.gateway.app import create_app
from services.gateway.problems.catalogue import RETRY_AFTER_SECONDS
from services.gateway.server import Server
from services.registry.jobs import completion
from services.registry.settings import Settings
from services.registry.states import JobStatus
from tests.client.wire import Wire, wire_to
from tests.conftest import free_port
from tests.gateway.conftest import FILES, Book, served
from trm.client import ApiError, Client, ServiceUnreachable

QUESTIONS = ("1.343412214343.1", "12.4341221434321")
TINY = {"model.hidden_size": 16, "train.steps": 5}


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    with wire_to(int(server.url.rpartition(":")[2])) as wire:
        yield wire


@pytest.fixture
def lossy(wire: Wire) -> Iterator[Client]:
    """A client at the far end of the wire."""
    with Client(wire.url, timeout=5, retry_seconds=10) as client:
        yield client


def test_a_lost_answer_does_not_create_twice(lossy: Client, wire: Wire, client: Client, tmp_path: Path) -> None:
    wire.losing = 2
    job = lossy.train(preset="sudoku-4x4", overrides=TINY)
    assert wire.losing == 0
    assert [found.id for found in client.jobs.list()] == [job.id]
    wire.losing, table = 1, tmp_path / "own.csv"
    table.write_text("question,answer\n" + "".join(f"{q},1234341221434321\n" for q in QUESTIONS))
    dataset = lossy.datasets.upload("own", table)
    assert [found.id for found in client.datasets.list() if not found.builtin] == [dataset.id]


def test_what_has_no_key_is_not_repeated_blindly(lossy: Client, wire: Wire, client: Client) -> None:
    wire.losing = 1
    with pytest.raises(ServiceUnreachable):
        lossy.api_keys.create(owner="ann", name="laptop", scopes=["solve"])
    assert [key.name for key in client.api_keys.list()] == [
        "laptop"
    ]  # it was made once, and who asked is told of the loss


def test_a_deletion_whose_answer_is_lost_is_no_error(lossy: Client, wire: Wire, book: Book, client: Client) -> None:
    _, claim = book.training()
    first = book.checkpoint(claim, 1)
    book.checkpoint(claim, 2)
    with book.database.transaction() as session:
        completion.finish(session, claim, JobStatus.SUCCEEDED, result={})
    wire.losing = 1
    lossy.checkpoints.delete(first)
    assert wire.losing == 0
    with pytest.raises(ApiError, match="checkpoint") as raised:
        client.checkpoints.delete(first)
    assert (raised.value.status, raised.value.code) == (404, "checkpoint_not_found")


def test_a_download_is_resumed_and_whole(
    lossy: Client, wire: Wire, book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = os.urandom(3 << 20)
    monkeypatch.setitem(FILES, "state.safetensors", large)
    checkpoint, target = book.checkpoint(book.training()[1]), tmp_path / "here" / "saved.tar"
    target.parent.mkdir()
    told: list[tuple[int, int]] = []
    wire.cut = 1 << 20
    assert lossy.checkpoints.download(checkpoint, target, on_progress=lambda *so_far: told.append(so_far)) == target
    assert [path.name for path in target.parent.iterdir()] == ["saved.tar"]
    with tarfile.open(target) as archive:
        member = archive.extractfile(f"{checkpoint}/state.safetensors")
        assert member is not None
        assert member.read() == large
    assert told == sorted(told)  # what has arrived is not sent again
    assert told[-1] == (target.stat().st_size, target.stat().st_size)


def test_a_later_call_continues_a_download(
    wire: Wire, book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = os.urandom(3 << 20)
    monkeypatch.setitem(FILES, "state.safetensors", large)
    checkpoint, target = book.checkpoint(book.training()[1]), tmp_path / "here" / "state"
    target.parent.mkdir()
    wire.cut = 1 << 20
    with Client(wire.url, retry_seconds=0) as impatient, pytest.raises(ServiceUnreachable):
        impatient.checkpoints.download_file(checkpoint, "state.safetensors", target)
    assert not target.exists()
    told: list[int] = []
    with Client(wire.url) as client:
        client.checkpoints.download_file(
            checkpoint, "state.safetensors", target, on_progress=lambda done, _: told.append(done)
        )
    assert 0 < told[0] <= 1 << 20
    assert target.read_bytes() == large
    assert [path.name for path in target.parent.iterdir()] == ["state"]


@pytest.fixture
def busy(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A gateway whose queue holds one job, and which asks to be tried again after a second."""
    monkeypatch.setitem(RETRY_AFTER_SECONDS, 429, 1)
    app = create_app(settings.model_copy(update={"max_queued_jobs": 1}))
    with served(app) as server:
        yield server
    app.state.backends.close()


def test_a_full_queue_is_asked_again_when_it_says(busy: Server) -> None:
    with Client(busy.url, retry_seconds=20) as client:
        first = client.train(preset="sudoku-4x4", overrides=TINY)
        begun = time.monotonic()
        threading.Timer(0.2, client.jobs.cancel, [first]).start()
        assert client.train(preset="sudoku-4x4", overrides=TINY).id != first.id
        assert 1 <= time.monotonic() - begun < 5  # no sooner than Retry-After said
    with Client(busy.url, retry_seconds=0.9) as client:
        begun = time.monotonic()
        with pytest.raises(ApiError) as raised:
            client.train(preset="sudoku-4x4", overrides=TINY)
        assert time.monotonic() - begun < 0.9  # there is no time to wait as long: it is told at once
    assert (raised.value.status, raised.value.code) == (429, "queue_full")
    assert raised.value.request_id.startswith("req_")


def start_gateway(settings: Settings, port: int) -> "subprocess.Popen[bytes]":
    ours = {f"TRM_{name.upper()}": str(getattr(settings, name)) for name in ("database_url", "broker_url", "data_dir")}
    command = [sys.executable, "-m", "services.gateway"]
    environment = {**os.environ, **ours, "TRM_GATEWAY_PORT": str(port)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_events_and_waits_outlast_a_killed_gateway(settings: Settings, book: Book) -> None:
    _, claim = book.training()
    port = free_port("127.0.0.1")
    gateway = start_gateway(settings, port)
    try:
        with Client(f"http://127.0.0.1:{port}", retry_seconds=60) as client:
            events = client.jobs.events(claim.job_id)  # the first request waits for the gateway to start
            ended: list[str] = []
            waiting = threading.Thread(target=lambda: ended.append(client.jobs.wait(claim.job_id).status))
            waiting.start()
            book.event(claim, "evaluating", split="test", n=2, through=1)
            assert next(events).type == "evaluating"
            gateway.kill()
            gateway.wait()
            book.event(claim, "solved", count=1, answered=1)
            gateway = start_gateway(settings, port)
            assert next(events).type == "solved"
            with book.database.transaction() as session:
                completion.finish(session, claim, JobStatus.SUCCEEDED, result={})
            assert [(event.id, event.type) for event in events] == [(3, "done")]
            waiting.join(20)
            assert ended == ["succeeded"]
    finally:
        gateway.kill()
        gateway.wait()


def test_a_stream_in_which_nothing_happened_for_long_is_continued(wire: Wire, book: Book) -> None:
    _, claim = book.training()
    book.event(claim, "evaluating", split="test", n=2, through=1)
    with Client(wire.url, retry_seconds=1) as client:
        events = client.jobs.events(claim.job_id)
        assert next(events).type == "evaluating"
        threading.Timer(1.5, wire.drop).start()  # longer than it would try again
        threading.Timer(1.8, book.event, [claim, "solved"], {"count": 1, "answered": 1}).start()
        assert next(events).type == "solved"


def test_a_service_that_is_not_there_is_named() -> None:
    port = free_port("127.0.0.1")
    with Client(f"http://127.0.0.1:{port}", retry_seconds=0.3) as client:
        with pytest.raises(ServiceUnreachable, match=f"127.0.0.1:{port}.*TRM_URL"):
            client.train(preset="sudoku-4x4")
        with pytest.raises(ServiceUnreachable):
            next(client.jobs.events("job_1"))
