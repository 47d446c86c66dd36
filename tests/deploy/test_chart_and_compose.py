"""The chart and docker-compose.yml deploy the same service: the same commands, images, settings and probes for each part.

They differ in where Postgres, broker, secrets and artifacts are: compose brings its own.
"""

import json
import re
import shlex
from typing import Any

import pytest
import yaml

from services.registry.settings import Settings
from tests.deploy.chart import ROOT, Object, pods, render, secret_files, settings_of

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
COMPOSE_OWN = {"db", "broker", "init", "prometheus", "grafana"}  # a cluster has its own
PARTS = sorted(COMPOSE.keys() - COMPOSE_OWN)
PLACES = {"TRM_DATABASE_URL", "TRM_BROKER_URL", "TRM_ADMIN_SECRET", "TRM_STORAGE_URL"}
CHART_OWN = {"worker-train": {"TRM_WORKER_IDLE_SECONDS"}}  # KEDA starts one when there is work


@pytest.fixture(scope="module")
def templates() -> dict[str, Object]:
    return dict(pods(render()))


def default(value: object) -> str:
    """A value of the compose file as it is when no variable is set."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", text)


def composed_settings(part: str) -> dict[str, str]:
    """Without those of OpenTelemetry, which are empty unless a collector is named."""
    given = COMPOSE[part].get("environment", {}).items()
    return {name: default(value) for name, value in given if not name.startswith("OTEL_")}


def repository(image: str) -> str:
    return default(image).rpartition("/")[0] + "/" + default(image).rpartition("/")[2].partition(":")[0]


def command_of_image(target: str) -> list[str]:
    """The command of an image that the Dockerfile builds."""
    stages = re.split(r"^FROM ", (ROOT / "deploy/Dockerfile").read_text(), flags=re.MULTILINE)
    [stage] = [stage for stage in stages if re.match(rf"\S+ AS {target}\n", stage)]
    [command] = re.findall(r"^CMD (\[.*\])$", stage, re.MULTILINE)
    found: list[str] = json.loads(command)
    return found


def test_both_have_the_same_parts(templates: dict[str, Object]) -> None:
    assert sorted(templates) == PARTS


@pytest.mark.parametrize("part", PARTS)
def test_a_part_runs_the_same_command(part: str, templates: dict[str, Object]) -> None:
    composed = COMPOSE[part].get("command")
    words = shlex.split(composed) if isinstance(composed, str) else composed
    assert templates[part]["spec"]["containers"][0]["command"] == (
        words or command_of_image(repository(COMPOSE[part]["image"]).rpartition("/")[2])
    )


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_the_same_image(part: str, templates: dict[str, Object]) -> None:
    image = templates[part]["spec"]["containers"][0]["image"]
    assert repository(image) == repository(COMPOSE[part]["image"])


@pytest.mark.parametrize("part", PARTS)
def test_a_part_has_the_same_settings(part: str, templates: dict[str, Object]) -> None:
    charted = settings_of(templates[part])
    composed = composed_settings(part)
    own = CHART_OWN.get(part, set())
    assert {n: v for n, v in charted.items() if n not in PLACES | own} == {
        n: v for n, v in composed.items() if n not in PLACES
    }
    assert own <= charted.keys()
    secrets = {name.upper() for name in secret_files(templates[part])}
    assert secrets <= PLACES
    assert secrets | charted.keys() <= {f"TRM_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("part", [part for part in PARTS if part.startswith("worker-")])
def test_a_worker_has_the_same_time_to_stop(part: str, templates: dict[str, Object]) -> None:
    assert COMPOSE[part]["stop_grace_period"] == f"{templates[part]['spec']['terminationGracePeriodSeconds']}s"


@pytest.mark.parametrize("part", [part for part in PARTS if part != "migrate"])
def test_a_part_is_asked_at_the_same_address_how_it_is(part: str, templates: dict[str, Object]) -> None:
    [container] = templates[part]["spec"]["containers"]
    probe = container.get("readinessProbe", container["livenessProbe"])["httpGet"]
    [port] = [port["containerPort"] for port in container["ports"] if port["name"] == probe["port"]]
    assert f"http://127.0.0.1:{port}{probe['path']}'" in str(COMPOSE[part]["healthcheck"]["test"])
