"""The operator's commands for keys, as processes."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from services.gateway.access.keys import cli
from services.registry.access import api_keys, audit
from services.registry.access.audit import OPERATOR
from services.registry.db.database import Database


def run(database_url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "services.gateway", "keys", *arguments]
    environment = {**os.environ, "TRM_DATABASE_URL": database_url}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.slow
def test_make_list_replace_and_withdraw(database: Database, database_url: str) -> None:
    made = run(database_url, "create", "--owner", "alice", "--scope", "train", "--scope", "solve", "--days", "9")
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    with database.transaction() as session:
        key = api_keys.authenticate(session, token)
    assert key is not None
    assert (key.owner, key.scopes) == ("alice", ["solve", "train"])
    new = run(database_url, "rotate", key.id, "--overlap-hours", "1").stdout.strip()
    with database.transaction() as session:
        assert api_keys.authenticate(session, new) is not None
        assert api_keys.authenticate(session, token) is not None
    assert "is withdrawn" in run(database_url, "revoke", key.id).stdout
    listed = run(database_url, "list").stdout
    assert [word for word in ("withdrawn", "valid") if word in listed] == ["withdrawn", "valid"]
    assert token.rsplit("_", 1)[1] not in listed
    with database.transaction() as session:
        acts = audit.page(session).items
    assert [(act.caller, act.action) for act in reversed(acts)] == [
        (OPERATOR, f"keys {verb}") for verb in ("create", "rotate", "revoke")
    ]


@pytest.mark.parametrize("owner", ["", "Alice", "a b", "-a", "a" * 65, "a\n"])
def test_owners_have_plain_names(owner: str) -> None:
    refused = CliRunner().invoke(cli, ["create", "--owner", owner, "--scope", "admin"])  # before it asks for a database
    assert refused.exit_code == 2
    assert "is not a valid owner name" in " ".join(refused.stderr.replace("│", " ").split())


def test_an_unknown_key_is_one_line(database_url: str) -> None:
    failed = run(database_url, "revoke", "key_x")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr == "There is no API key 'key_x'. [api_key_not_found]\n"
