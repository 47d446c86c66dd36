"""The upgrade of a deployment from the images of before the newest migration."""

import io
import json
import subprocess
import tarfile

import pytest

from tests.compose.deployment import (
    GATEWAY,
    ROOT,
    WORKER,
    Deployment,
    finish,
    read_holdings,
    submit_solve,
    submit_training,
    tell,
)
from tests.contract.test_compose import COMPOSE

VERSIONS = "migrations/versions"
PREVIOUS = {GATEWAY: "trm-service/gateway:previous", WORKER: "trm-service/worker:previous"}


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The same deployment with images of the last commit that lacks the newest migration, by the recipe of now."""
    commit = (
        _git("log", "--first-parent", "-m", "--diff-filter=A", "--format=%H", "-1", "--", VERSIONS).decode().strip()
    )
    folder = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=io.BytesIO(_git("archive", f"{commit}^1"))) as archive:
        archive.extractall(folder / "tree", filter="data")
    services = {
        name: {"image": PREVIOUS[service["image"]]}
        | (
            {"build": {"context": str(folder / "tree"), "dockerfile": str(ROOT / "deploy/Dockerfile")}}
            if "build" in service
            else {}
        )
        for name, service in COMPOSE["services"].items()
        if service["image"] in PREVIOUS
    }
    file = folder / "previous.yml"
    file.write_text(json.dumps({"services": services}))  # JSON is YAML
    previous = Deployment([file])
    previous.build()
    tell(f"built the images of {commit[:12]}^1")
    return previous


def test_an_upgrade_keeps_everything(deployment: Deployment, previous: Deployment) -> None:
    previous.up()
    assert {part["Config"]["Image"] for part in previous.parts().values()} & set(PREVIOUS.values())
    with previous.admin() as client:
        [training] = finish(client, [submit_training(client)])
        finish(client, [submit_solve(client, training["run_id"])])
        before = read_holdings(client)
    earlier = previous.compose("logs", "--no-log-prefix", "migrate").strip()

    deployment.up()
    now = deployment.compose("logs", "--no-log-prefix", "migrate").strip()
    tell(f"before: {earlier} After: {now}")
    versions = sorted(path.name.partition("_")[0] for path in (ROOT / VERSIONS).glob("[0-9]*.py"))
    assert f"from {versions[-2]} to {versions[-1]}" in now
    with deployment.admin() as client:
        after = read_holdings(client)
        assert (after["jobs"], after["runs"]) == (before["jobs"], before["runs"])
        assert len(after["curve"]) == len(before["curve"])
        finish(client, [submit_solve(client, training["run_id"]), submit_training(client)])
