"""A worker that joins a deployment from another machine, as docs/how-to/several-machines.md says: its own container, by address alone."""

import re
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.deployment import PROJECT, ROOT, Deployment, docker, finish, submit_solve, submit_training, tell
from tests.s3 import BUCKET, S3Server

PAGE = (ROOT / "docs/how-to/several-machines.md").read_text()
STORAGE = f"s3://{BUCKET}/machines"
NAME = f"{PROJECT}-joined"


def own_address() -> str:
    """The address of this machine in its network, which containers reach too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent
        return str(probe.getsockname()[0])


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3"), own_address())
    yield server
    server.kill()


@pytest.fixture(scope="module")
def head(images: None, bucket: S3Server) -> Iterator[Deployment]:
    """A deployment that others can join."""
    told = {"HEAD_ADDRESS": bucket.host, "TRM_STORAGE_URL": STORAGE} | bucket.environment
    head = Deployment([ROOT / "docker-compose.head.yml"], told)
    head.down(discard=True)
    head.up()
    yield head
    head.down(discard=True)


@pytest.fixture(scope="module")
def _joined(head: Deployment, bucket: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A training worker that the page's own command has started, of a machine whose label is `elsewhere`."""
    secrets = head.secrets()
    settings = bucket.environment | {
        "TRM_DATABASE_URL": f"postgresql://trm:{secrets['Postgres, trm']}@{bucket.host}/trm",
        "TRM_BROKER_URL": f"redis://:{secrets['Broker']}@{bucket.host}:6379/0",
        "TRM_STORAGE_URL": STORAGE,
        "TRM_WORKER_LABELS": "elsewhere",
        "TRM_WORKER_METRICS_PORT": "0",
    }
    file: Path = tmp_path_factory.mktemp("worker") / "worker.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    [told] = re.findall(r"^docker (run --detach .*?)\n```", PAGE, re.MULTILINE | re.DOTALL)
    words = [
        {"worker.env": str(file), "trm-worker": NAME}.get(word, word) for word in shlex.split(told.replace("\\\n", " "))
    ]
    docker(words[0], "--network=host", *(word.replace("trm-scratch", f"{NAME}-scratch") for word in words[1:]))
    yield
    docker("rm", "--force", "--volumes", NAME)
    docker("volume", "rm", f"{NAME}-scratch")


@pytest.mark.usefixtures("_joined")
def test_a_worker_of_another_machine_trains_what_the_deployment_solves_with(head: Deployment) -> None:
    with head.admin() as client:
        training = submit_training(client, requires={"labels": ["elsewhere"]})
        [training] = finish(client, [training])
        [worker] = [row for row in client.get("/v1/workers")["data"] if row["labels"] == ["elsewhere"]]
        assert [attempt["worker"] for attempt in training["attempts"]] == [worker["name"]]
        finish(client, [submit_solve(client, training["run_id"])])
        tell(f"{worker['name']} joined, trained {training['run_id']} into the bucket; the deployment solved with it")
