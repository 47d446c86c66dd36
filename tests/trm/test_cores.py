"""Processes that compute divide the machine's cores."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trm.network import cores
from trm.network.cores import Cores, available

HOLDS = """
import sys
from pathlib import Path
from trm.network.cores import Cores
with Cores(None, Path(sys.argv[1])).busy():
    print("busy", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3})


@pytest.fixture
def no_quota(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cores, "CGROUP", tmp_path / "none")


@pytest.mark.parametrize(
    ("files", "limit", "expected"),
    [
        ({}, None, 4),
        ({}, 3, 3),
        ({}, 9, 4),
        ({"cpu.max": "max 100000\n"}, None, 4),
        ({"cpu.max": "200000 100000\n"}, None, 2),
        ({"cpu.max": "150000 100000\n"}, None, 1),
        ({"cpu.max": "50000 100000\n"}, None, 1),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, None, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None, 4),
        ({"cpu.max": "garbage"}, 2, 2),
    ],
)
def test_affinity_quota_and_limit_are_respected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, str], limit: int | None, expected: int
) -> None:
    monkeypatch.setattr(cores, "CGROUP", tmp_path)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert available(limit) == expected


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "LOOK_SECONDS", 0.0)


@pytest.mark.usefixtures("no_quota", "patient")
def test_those_that_compute_share_and_one_alone_has_all(tmp_path: Path) -> None:
    ours, theirs, third = (Cores(None, tmp_path) for _ in range(3))
    assert ours.share == 4
    with ours.busy():
        assert (ours.share, theirs.share) == (4, 2)
        with theirs.busy():
            assert (ours.share, theirs.share) == (2, 2)
            with third.busy():
                assert ours.share == 1
        assert ours.share == 4
    assert list((tmp_path).glob("*/*")) == []


@pytest.mark.usefixtures("no_quota", "patient")
def test_one_that_was_killed_no_longer_computes(tmp_path: Path) -> None:
    ours = Cores(None, tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"busy\n"
        assert ours.share < 4
        other.kill()
    assert ours.share == 4
    assert list((tmp_path).glob("*/*")) == []


@pytest.mark.usefixtures("no_quota", "patient")
def test_who_is_pinned_elsewhere_takes_nothing_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ours = Cores(None, tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {4, 5})
    with Cores(None, tmp_path).busy():
        assert ours.share == 4


@pytest.mark.usefixtures("no_quota", "patient")
def test_a_set_number_is_not_shared(tmp_path: Path) -> None:
    with Cores(None, tmp_path).busy():
        assert Cores(3).share == 3
