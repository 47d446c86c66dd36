"""Backup and restore of a deployment, with the commands of docs/operations/backup.md."""

from pathlib import Path

from tests.compose.deployment import Deployment, finish, read_holdings, submit_solve, submit_training, tell


def test_a_backup_brings_everything_back(deployment: Deployment, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)  # user 10001 writes there
    for parent in tmp_path.parents[:3]:  # what pytest keeps to its user
        parent.chmod(parent.stat().st_mode | 0o011)
    run = (
        "run",
        "--rm",
        "--no-deps",
        "-T",
        "--volume",
        f"{tmp_path}:/backups",
        "gateway",
        "python",
        "-m",
        "services.backup",
    )
    deployment.up()
    with deployment.admin() as client:
        [training] = finish(client, [submit_training(client, 60)])
        finish(client, [submit_solve(client, training["run_id"])])
        before = read_holdings(client)
        tell(deployment.compose(*run, "create", "/backups").splitlines()[-1].strip())
        finish(client, [submit_solve(client)])  # after the backup: gone with the volumes
    [backup] = (folder.name for folder in tmp_path.iterdir())
    deployment.down(discard=True)

    deployment.up("db")
    tell(deployment.compose(*run, "restore", f"/backups/{backup}").splitlines()[0])
    deployment.up()
    with deployment.admin() as client:  # with the key that the new volumes have
        assert read_holdings(client) == before
        finish(client, [submit_solve(client, training["run_id"])])


def test_a_restore_refuses_to_discard_what_there_is(deployment: Deployment, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)
    run = (
        "run",
        "--rm",
        "--no-deps",
        "-T",
        "--volume",
        f"{tmp_path}:/backups",
        "gateway",
        "python",
        "-m",
        "services.backup",
    )
    deployment.compose(*run, "create", "/backups")
    [backup] = (folder.name for folder in tmp_path.iterdir())
    assert "database_in_use" in deployment.compose(*run, "restore", f"/backups/{backup}", "--replace", fails=True)
    deployment.compose("stop", "gateway", "worker-train", "worker-solve", "reaper")
    assert "database_not_empty" in deployment.compose(*run, "restore", f"/backups/{backup}", fails=True)
    tell(deployment.compose(*run, "restore", f"/backups/{backup}", "--replace").splitlines()[0])
    deployment.up()
