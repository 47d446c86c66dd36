"""Docker compose, run for real: the images are built, and each module of tests has a deployment from nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.deployment import GATEWAY, WORKER, Deployment, docker, tell


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("compose")
            item.add_marker(pytest.mark.timeout(590))


@pytest.fixture(scope="session")
def images() -> None:
    """Both images of this tree."""
    Deployment().build()
    for image in (GATEWAY, WORKER):
        size = int(docker("image", "inspect", "-f", "{{.Size}}", image))
        tell(f"built {image}, {size / 1e6:,.0f} MB")


@pytest.fixture(scope="module")
def deployment(images: None, request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """A deployment of which nothing exists yet; it is discarded in the end."""
    failed = request.session.testsfailed
    deployment = Deployment()
    deployment.down(discard=True)
    yield deployment
    if request.session.testsfailed > failed:
        print(deployment.compose("ps", "-a"), deployment.compose("logs", "--tail", "30"))
    deployment.down(discard=True)
