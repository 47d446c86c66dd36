"""The verbs of the Makefile that must not install anything, or not what only developers need."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["make", *words], cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.fixture
def cleaned(tmp_path: Path) -> Path:
    """A checkout without an environment, as `make clean` leaves it."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "deploy/server/pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


@pytest.mark.parametrize(("verb", "status"), [("status", 3), ("logs", 3), ("down", 0)])
def test_to_look_or_to_stop_installs_nothing(cleaned: Path, verb: str, status: int) -> None:
    before = sorted(cleaned.rglob("*"))
    done = make(cleaned, verb)
    assert "start it with: make up" in done.stdout
    assert ("Error 3" in done.stderr) is (status == 3)
    assert sorted(cleaned.rglob("*")) == before


def test_logs_can_be_followed(cleaned: Path) -> None:
    assert "services.stack logs gateway --follow" in make(cleaned, "-n", "logs", "PART=gateway", "FOLLOW=1").stdout
    assert "--follow" not in make(cleaned, "-n", "logs", "PART=gateway").stdout


@pytest.mark.parametrize("verb", ["install", "demo", "up"])
def test_what_a_newcomer_needs_has_no_linters_in_it(cleaned: Path, verb: str) -> None:
    said = make(cleaned, "-n", verb).stdout
    extras = re.findall(r"-e '\.\[([\w,]+)\]'", said)
    assert extras
    assert all("dev" not in asked.split(",") for asked in extras)
    assert "dev" in re.findall(r"-e '\.\[([\w,]+)\]'", make(cleaned, "-n", "tools").stdout)[-1].split(",")
