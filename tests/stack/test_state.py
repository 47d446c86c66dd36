"""A stack is known by processes that live, and only those are ever signalled."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.registry.settings import Settings
from services.stack import operator, ports, predecessor, state
from services.stack.process import Process
from services.stack.state import State, this_process
from tests.conftest import START_SECONDS, wait_until


@pytest.fixture
def stranger() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has nothing to do with any stack."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait(START_SECONDS)


def process_of(popen: "subprocess.Popen[bytes]") -> Process:
    found = Process.of(popen.pid)
    assert found is not None
    return found


def a_state(supervisor: Process, **parts: Process) -> State:
    return State(supervisor, "http://127.0.0.1:1", "", "", ready=True, parts=parts, metrics={})


def test_a_process_that_has_ended_lives_no_longer_even_before_it_is_reaped(stranger: "subprocess.Popen[bytes]") -> None:
    process = process_of(stranger)
    assert process.lives
    stranger.kill()
    wait_until(lambda: not process.lives)
    assert not process.send(signal.SIGTERM)


def test_a_number_that_was_given_anew_is_another_process(stranger: "subprocess.Popen[bytes]") -> None:
    earlier = replace(process_of(stranger), started=1)
    assert not earlier.lives
    assert not earlier.send(signal.SIGKILL)
    assert stranger.poll() is None


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = a_state(this_process(), gateway=this_process())
    state.write(tmp_path, written)
    assert state.read(tmp_path) == written


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1, "api": "http://127.0.0.1:1"}'])
def test_a_file_that_says_nothing_sensible_is_no_stack(tmp_path: Path, content: str) -> None:
    (tmp_path / state.STATE).write_text(content)
    assert state.read(tmp_path) is None


def test_a_file_left_by_a_dead_supervisor_is_no_stack_even_while_another_holds_the_lock(
    tmp_path: Path, stranger: "subprocess.Popen[bytes]"
) -> None:
    state.write(tmp_path, a_state(replace(process_of(stranger), started=1)))
    with state.acquire(tmp_path) or pytest.fail("locked"):
        assert state.read(tmp_path) is None


def test_down_signals_no_process_that_only_has_the_number(tmp_path: Path, stranger: "subprocess.Popen[bytes]") -> None:
    state.write(tmp_path, a_state(replace(process_of(stranger), started=1)))
    assert not operator.down(Settings(data_dir=tmp_path))
    assert stranger.poll() is None


def test_what_a_killed_stack_left_is_waited_for_then_killed_and_nothing_else(
    tmp_path: Path, stranger: "subprocess.Popen[bytes]"
) -> None:
    with subprocess.Popen(["sleep", "600"]) as left:
        dead = Process(os.getpid(), 1)
        state.write(tmp_path, a_state(dead, gateway=process_of(left), reaper=replace(process_of(stranger), started=1)))
        predecessor.outlive(tmp_path, patience=0.3)
        assert left.wait(START_SECONDS) == -signal.SIGKILL
    assert stranger.poll() is None


def test_ports_are_kept_unless_another_process_has_taken_them(tmp_path: Path) -> None:
    hosts = dict.fromkeys(("gateway", "reaper"), "127.0.0.1")
    first = ports.choose(tmp_path, hosts)
    assert len(set(first.values())) == 2
    assert ports.choose(tmp_path, hosts) == first
    with socket.create_server(("127.0.0.1", first["gateway"])):
        second = ports.choose(tmp_path, hosts)
    assert second["gateway"] != first["gateway"]
    assert second["reaper"] == first["reaper"]
    assert ports.choose(tmp_path, hosts) == second


@pytest.mark.parametrize("content", ["", "[1]", '{"gateway": 99999999}', '{"gateway": "x"}'])
def test_a_damaged_file_of_ports_costs_new_ones(tmp_path: Path, content: str) -> None:
    (tmp_path / ports.KEPT).write_text(content)
    assert 0 < ports.choose(tmp_path, {"gateway": "127.0.0.1"})["gateway"] < 65_536
