"""Backup and restore of a deployment, with the commands of docs/operations/backup.md."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.compose.deployment import Deployment, finish, read_holdings, submit_solve, submit_training, tell

Command = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that user 10001 may write to and reach."""
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents[:3]:  # which pytest keeps to its user
        parent.chmod(parent.stat().st_mode | 0o011)
    return tmp_path


@pytest.fixture
def backup(deployment: Deployment, folder: Path) -> Command:
    """`python -m services.backup`, run as the operator would."""

    def run(*arguments: str, fails: bool = False) -> str:
        container = ("run", "--rm", "--no-deps", "-T", "--volume", f"{folder}:/backups", "gateway")
        return deployment.compose(*container, "python", "-m", "services.backup", *arguments, fails=fails).strip()

    return run


def test_a_backup_brings_everything_back(deployment: Deployment, folder: Path, backup: Command) -> None:
    deployment.up()
    with deployment.admin() as client:
        [training] = finish(client, [submit_training(client)])
        finish(client, [submit_solve(client, training["run_id"])])
        before = read_holdings(client)
        tell(backup("create", "/backups").splitlines()[-1].strip())
        finish(client, [submit_solve(client)])  # after the backup: gone with the volumes
    [made] = (path.name for path in folder.iterdir())
    deployment.down(discard=True)

    deployment.up("db")
    tell(backup("restore", f"/backups/{made}").splitlines()[0])
    deployment.up()
    with deployment.admin() as client:  # with the key that the new volumes have
        assert read_holdings(client) == before
        finish(client, [submit_solve(client, training["run_id"])])


def test_a_restore_refuses_to_discard_what_there_is(deployment: Deployment, folder: Path, backup: Command) -> None:
    deployment.up()
    backup("create", "/backups")
    [made] = (path.name for path in folder.iterdir())
    assert "database_in_use" in backup("restore", f"/backups/{made}", "--replace", fails=True)
    deployment.compose("stop", "gateway", "worker-train", "worker-solve", "reaper")
    assert "database_not_empty" in backup("restore", f"/backups/{made}", fails=True)
    tell(backup("restore", f"/backups/{made}", "--replace").splitlines()[0])
    deployment.up()
