"""Settings come from the environment and from secret files, and are checked at once."""

import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.registry import settings as module
from services.registry.errors import SettingsInvalid
from services.registry.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TRM_{name.upper()}", raising=False)
    monkeypatch.setattr(module, "SECRETS_DIR", tmp_path / "secrets")
    monkeypatch.chdir(tmp_path)


def test_defaults_need_nothing(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.database_url is None
    assert settings.data_dir == tmp_path / ".data"
    assert settings.storage_url == (tmp_path / ".data" / "artifacts").as_uri()


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRM_DATA_DIR", str(tmp_path / "else"))
    monkeypatch.setenv("TRM_GATEWAY_PORT", "0")
    monkeypatch.setenv("TRM_BROKER_URL", "")
    settings = load_settings()
    assert settings.storage_url == (tmp_path / "else" / "artifacts").as_uri()
    assert (settings.gateway_port, settings.broker_url) == (0, None)


def test_secret_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "trm_database_url").write_text("postgresql://trm:hush@db/trm\n")
    settings = load_settings()
    assert settings.database_url == "postgresql+psycopg://trm:hush@db/trm"
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+psycopg://u@/d?host=/tmp", "postgresql+psycopg://u@/d?host=/tmp"),
    ],
)
def test_any_spelling_of_postgres_names_our_driver(given: str, used: str) -> None:
    assert Settings(database_url=given).database_url == used


def test_unix_socket_of_a_broker_may_be_spelled_either_way() -> None:
    assert Settings(broker_url="unix:///run/broker.sock").broker_url == "redis+socket:///run/broker.sock"


@pytest.mark.parametrize(
    ("name", "value"),
    [("TRM_GATEWAY_PORT", "70000"), ("TRM_LOG_FORMAT", "xml"), ("TRM_MAX_ATTEMPTS", "0"), ("TRM_LEASE_SECONDS", "8")],
)
def test_impossible_values_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid, match="TRM_HEARTBEAT_SECONDS" if name == "TRM_LEASE_SECONDS" else name):
        load_settings()


def test_a_refused_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRM_ADMIN_SECRET", "too-short-a-secret")
    with pytest.raises(SettingsInvalid, match=r"TRM_ADMIN_SECRET: .*64 hexadecimal digits") as raised:
        load_settings()
    assert "too-short" not in "".join(traceback.format_exception(raised.value))


def _make_folder(place: Path) -> None:
    place.mkdir()


def _write_no_text(place: Path) -> None:
    place.write_bytes(b"\xff\xfe\x00\xd8")


@pytest.mark.parametrize("make", [_make_folder, _write_no_text])
def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path, make: Callable[[Path], None]) -> None:
    (tmp_path / "secrets").mkdir()
    make(tmp_path / "secrets" / "trm_database_url")
    with pytest.raises(SettingsInvalid, match=r"secret file .*database_url"):
        load_settings()


PROGRAMS = [
    "services.gateway",
    *(
        pytest.param(program, marks=pytest.mark.slow)
        for program in ("migrations", "services.stack up", "services.backup create")
    ),
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_says_so_in_one_line(program: str) -> None:
    """No traceback, and no secret, in the log of a container."""
    environment = os.environ | {"TRM_ADMIN_SECRET": "too-short-a-secret", "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run([sys.executable, "-m", *program.split()], env=environment, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "TRM_ADMIN_SECRET: " in ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert "too-short" not in ended.stderr + ended.stdout


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(gateway_prot=1)  # type: ignore[call-arg]
