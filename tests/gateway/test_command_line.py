"""The command line and a gateway that asks for keys: logging in, wrong keys, keys of others, a gateway that is down."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.gateway.app import create_app
from services.registry.access import api_keys
from services.registry.access.scopes import Scope
from services.registry.db.database import Database
from services.registry.settings import Settings
from tests.gateway.conftest import served
from tests.script import Shell
from trm.cli.exit_codes import ExitCode

Keyed = tuple[Shell, str, str]  # a shell, the gateway's address, and an administrator's key


@pytest.fixture
def keyed(settings: Settings, database: Database, tmp_path: Path) -> Iterator[Keyed]:
    with database.transaction() as session:
        made = api_keys.create(session, owner="root", name="test", scopes=[*Scope])
    app = create_app(settings.model_copy(update={"auth": "on"}))
    with served(app) as server:
        yield Shell(tmp_path, {}), server.url, made.token
    app.state.backends.close()


@pytest.mark.slow
def test_a_key_is_kept_used_given_on_and_ended(keyed: Keyed) -> None:
    shell, url, admin = keyed
    told = shell.run("jobs", "list", "--url", url, code=ExitCode.DENIED).err
    assert "[authentication_required]" in told or "key" in told
    shell.run("login", "--url", url, "--api-key", "trm_wrong", code=ExitCode.DENIED)
    file = shell.folder / "config/trm/profiles.json"
    assert not file.exists()  # a key that is refused is not kept
    said = shell.run("login", "--url", f"{url}/", "--api-key", "-", "--json", stdin=f"{admin}\n")
    assert said.document == {"profile": "default", "url": url, "file": str(file)}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["profiles"]["default"] == {"url": url, "api_key": admin}
    assert shell.run("jobs", "list", "--json").document == {"data": []}
    shell.run(
        "jobs", "list", code=ExitCode.DENIED, environment={"TRM_URL": url, "TRM_API_KEY": "trm_wrong"}
    )  # the environment goes first

    made = shell.run("keys", "create", "alice", "--scope", "solve", "--days", "2", "--json").document
    assert {"id", "owner", "name", "scopes", "expires_at", "key"} <= made.keys()
    assert (made["owner"], made["scopes"]) == ("alice", ["solve"])
    printed = shell.run("keys", "create", "bob")
    assert printed.out.startswith("trm_")
    assert len(printed.out.split()) == 1
    assert "trm keys revoke key_" in printed.err
    listed = shell.run("keys", "list", "--json").document["data"]
    assert {key["owner"] for key in listed} == {"root", "alice", "bob"}
    assert not any("key" in key for key in listed)

    shell.run("login", "--profile", "alice", "--url", url, "--api-key", made["key"])
    shell.run("keys", "list", "--profile", "alice", code=ExitCode.DENIED)  # it may not
    assert shell.run("keys", "revoke", made["id"], "--profile", "default", "--json").document["revoked_at"]
    shell.run("jobs", "list", code=ExitCode.DENIED)  # the newest profile is used, and its key has ended
    shell.run("login", "--profile", "alice", "--forget")
    assert shell.run("jobs", "list", "--json").document == {"data": []}


def test_a_gateway_that_is_down_is_told_in_one_line(keyed: Keyed) -> None:
    shell, _, _ = keyed
    ended = shell.run("jobs", "list", "--url", "http://127.0.0.1:9", code=ExitCode.NOT_RUNNING)
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert "[service_unreachable]" in ended.err
    assert shell.run("jobs", "list", code=ExitCode.NOT_RUNNING).err.startswith("error Which service?")
    assert shell.run("login", "--url", "http://127.0.0.1:9", "--api-key", "x", code=ExitCode.NOT_RUNNING)
