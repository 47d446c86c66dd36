"""A stack whose processes were killed comes up again at once, at its old address, with its data."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from services.registry.db.database import Database
from services.registry.settings import Settings
from services.stack import operator, parts, postgres, state
from services.stack.predecessor import outlive
from services.stack.process import Process
from services.stack.sockets import socket_folder
from services.stack.state import State
from tests.conftest import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stack() -> Iterator[Settings]:
    """A data folder, and no stack left in it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="trm-crash-"))
    folder.chmod(0o755)
    settings = Settings(data_dir=folder / "data", device="cpu")
    try:
        yield settings
    finally:
        with suppress(Exception):
            operator.down(settings)
        shutil.rmtree(socket_folder(settings.data_dir), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def everything(running: State) -> list[int]:
    supervisor = psutil.Process(running.supervisor.pid)
    return [supervisor.pid, *(child.pid for child in supervisor.children(recursive=True))]


@pytest.mark.parametrize("which", ["everything", "the supervisor"])
def test_up_after_a_kill_is_up_at_the_same_address(stack: Settings, which: str) -> None:
    said: list[str] = []
    running, is_new = operator.up(stack, said.append)
    killed = everything(running) if which == "everything" else [running.supervisor.pid]
    for pid in killed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not running.supervisor.lives)
    again, is_new = operator.up(stack, said.append)
    assert is_new
    assert again.supervisor != running.supervisor
    assert again.api == running.api
    assert parts.is_ready(again.api)
    assert operator.up(stack, said.append) == (again, False)


def test_up_says_which_part_of_the_killed_stack_it_waits_for(stack: Settings) -> None:
    running, _ = operator.up(stack, lambda _: None)
    reaper, said = running.parts["reaper"].pid, list[str]()
    os.kill(reaper, signal.SIGSTOP)  # it does not end when it is told to, once it has stopped
    wait_until(lambda: psutil.Process(reaper).status() == psutil.STATUS_STOPPED)
    os.kill(running.supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not running.supervisor.lives)

    def tell(news: str) -> None:
        said.append(news)
        if news.startswith("waits for "):
            os.kill(reaper, signal.SIGCONT)

    operator.up(stack, tell)
    assert f"reaper (process {reaper})" in next(news for news in said if news.startswith("waits for "))


def test_up_waits_for_a_gateway_that_does_not_answer(stack: Settings) -> None:
    running, _ = operator.up(stack, lambda _: None)
    os.kill(running.parts["gateway"].pid, signal.SIGKILL)
    wait_until(lambda: not parts.is_ready(running.api))
    again, is_new = operator.up(stack, lambda _: None)
    assert not is_new
    assert parts.is_ready(again.api)


def test_a_stack_that_is_down_has_left_nothing_running(stack: Settings) -> None:
    running, _ = operator.up(stack, lambda _: None)
    processes = everything(running)
    assert operator.down(stack)
    assert not any(Process.of(pid) for pid in processes[1:])
    assert state.read(stack.data_dir) is None


@pytest.mark.parametrize("left", ["a stranger's number", "nothing", "garbage"])
def test_postgres_starts_whatever_its_old_file_says(server_folder: Path, left: str) -> None:
    data, sockets = server_folder / "stale", server_folder / "stale-sockets"
    user = postgres.run_as()
    postgres.initialise(data)
    sockets.mkdir(exist_ok=True)
    sockets.chmod(0o777)
    with subprocess.Popen(["sleep", "600"], cwd="/", **postgres.owner(user)) as stranger:
        for file in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
            rest = f"\n{data}\n1\n5432\n{sockets}\n\n"
            file.write_text({"a stranger's number": f"{stranger.pid}{rest}", "nothing": "", "garbage": "no\n"}[left])
        postgres.clear_stale(data, sockets)
        command = postgres.server_command(data, sockets)
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd="/", **postgres.owner(user))
        try:
            wait_until(lambda: postgres.answers(sockets))
            postgres.clear_stale(data, sockets)  # of a server that runs nothing is taken away
            assert (data / "postmaster.pid").exists()
            opened = Database(postgres.url(sockets, "postgres"))
            with opened.transaction() as session:
                assert session.scalar(text("SELECT 1")) == 1
            opened.close()
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
            stranger.kill()


def test_a_part_that_does_not_end_in_time_is_named_and_killed(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as deaf, subprocess.Popen(["sleep", "60"]) as supervisor:
        left, ended = {"reaper": Process.of(deaf.pid)}, Process.of(supervisor.pid)
        supervisor.kill()
        supervisor.wait()
        state.write(tmp_path, State(ended, "http://h", "", "", ready=True, parts=left, metrics={}))  # type: ignore[arg-type]
        told: list[str | None] = []
        waiting = threading.Thread(target=outlive, args=(tmp_path, 1.5))
        waiting.start()
        while waiting.is_alive():
            if (known := state.read(tmp_path)) is not None:
                told.append(known.waits_for)
            waiting.join(0.1)
        assert deaf.wait(10) == -signal.SIGKILL
    assert f"reaper (process {deaf.pid}) of a stack that was killed to end" in told
