"""The compose files: every part, confined, bounded, and without a password of its own; `make compose-test` runs them."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.registry.settings import Settings

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
HEAD = yaml.safe_load((ROOT / "docker-compose.head.yml").read_text())
GPU = yaml.safe_load((ROOT / "docker-compose.gpu.yml").read_text())
INIT = (ROOT / "deploy/compose/init.sh").read_text()
ONCE = {"init", "migrate"}
LASTING = {"db", "broker", "gateway", "worker-train", "worker-solve", "reaper", "prometheus", "grafana"}
SERVICES = ONCE | LASTING
WORKERS = {"worker-train", "worker-solve"}
each = pytest.mark.parametrize("name", sorted(SERVICES))


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = COMPOSE["services"][name]
    return found


def seconds(text: str) -> float:
    return float(re.fullmatch(r"(\d+)s", text)[1])  # type: ignore[index]


def test_every_part_is_there_and_sets_real_settings() -> None:
    assert set(COMPOSE["services"]) == SERVICES
    ours = {name for name in COMPOSE["x-settings"] if not name.startswith("OTEL_")}  # those are OpenTelemetry's
    assert ours <= {f"TRM_{name.upper()}" for name in Settings.model_fields}
    assert set(GPU["services"]) == WORKERS


def test_only_the_loopback_is_published_and_no_server() -> None:
    for name in SERVICES:
        assert all(port.startswith("127.0.0.1:") for port in service(name).get("ports", [])), name
    assert not any(service(name).get("ports") for name in ("db", "broker"))


def test_others_join_by_one_address_that_must_be_named_and_find_the_same_bucket() -> None:
    services = HEAD["services"]
    ports = {name: part["ports"] for name, part in services.items() if "ports" in part}
    assert ports.keys() == {"db", "broker"}
    assert all(re.match(r"\$\{HEAD_ADDRESS(:\?[^}]+)?\}:", port) for [port] in ports.values())  # no address by default
    stores = {name for name in SERVICES if "TRM_STORAGE_URL" in service(name).get("environment", {})}
    assert {name for name, part in services.items() if "environment" in part} == stores - {"migrate"}
    assert services["gateway"]["environment"]["TRM_STORAGE_URL"].startswith("${TRM_STORAGE_URL:?")


@each
def test_a_part_is_confined(name: str) -> None:
    part = service(name)
    assert part["read_only"]
    assert part["cap_drop"] == ["ALL"]
    assert part.get("cap_add", []) == (["CHOWN"] if name == "init" else [])
    assert part["security_opt"] == ["no-new-privileges:true"]
    assert part["logging"]["options"].keys() == {"max-size", "max-file"}
    assert {"mem_limit", "cpus"} <= part.keys()
    assert (part.get("user") == "0:0") == (name == "init")


@each
def test_an_image_is_pinned(name: str) -> None:
    image, _, tag = service(name)["image"].partition(":")
    assert re.fullmatch(r"v?\d+[\d.]*", tag)
    assert not image.startswith("trm-service/") or tag == VERSION


def test_the_base_image_is_pinned_and_the_worker_is_built_without_cuda() -> None:
    recipe = (ROOT / "deploy/Dockerfile").read_text()
    assert {base for base in re.findall(r"^FROM (\S+)", recipe, re.MULTILINE) if ":" in base} == {
        "python:3.11-slim-bookworm"
    }
    [pin] = re.findall(r"^torch==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert f"ARG TORCH={pin}+cpu\n" in recipe
    assert GPU["services"]["worker-train"]["build"]["args"]["TORCH"] == pin
    assert {GPU["services"][name]["image"] for name in WORKERS} == {f"trm-service/worker-cuda:{VERSION}"}


def test_everything_that_stays_has_a_health_check_and_time_to_stop() -> None:
    assert [name for name in LASTING if "healthcheck" not in service(name)] == []
    grace = Settings.model_fields["stop_grace_seconds"].default
    for name in WORKERS:
        assert seconds(service(name)["stop_grace_period"]) >= 2 * grace  # a training saves, and its worker reports


def test_keys_are_asked_for_and_no_password_is_written_down() -> None:
    assert COMPOSE["x-settings"]["TRM_AUTH"] == "on"
    text = (ROOT / "docker-compose.yml").read_text()
    chosen = re.findall(r"\$\{([A-Z_]*(?:PASSWORD|SECRET)[A-Z_]*)(.*?)\}", text)
    assert {default for _, default in chosen} == {":-"}  # without a value
    assert {name for name, _ in chosen} == set(service("init")["environment"])
    for name in SERVICES - {"init"}:
        variables = service(name).get("environment", {})
        assert [key for key in variables if re.search("PASSWORD|SECRET", key) and not key.endswith("_FILE")] == []


def test_secrets_that_settings_read_are_settings() -> None:
    files = set(re.findall(r"^hand trm_(\w+)", INIT, re.MULTILINE))
    assert {"database_url", "broker_url", "admin_secret", "reader_password"} <= files <= Settings.model_fields.keys()


def test_secrets_are_mounted_read_only() -> None:
    for name in SERVICES - {"init"}:
        mounted = [volume for volume in service(name).get("volumes", []) if volume.startswith("secrets:")]
        assert mounted in ([], ["secrets:/run/secrets:ro"]), name
    assert not any(volume.startswith("secrets:") for volume in service("prometheus")["volumes"])
