"""The chart as a real helm renders it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/trm-service"
VALUES = Path(__file__).parent / "values"
SMALLEST = VALUES / "smallest.yaml"
EVERYTHING = VALUES / "everything.yaml"
NAME = "trm"  # of the release

Object = dict[str, Any]  # of Kubernetes


def run_helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run helm; the caller looks at how it ended."""
    beside = Path(sys.executable).with_name("helm")
    helm = str(beside) if beside.exists() else shutil.which("helm")
    assert helm is not None, "There is no helm. Fetch one: make .venv/bin/helm"
    return subprocess.run([helm, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def render(values: Path = SMALLEST, **settings: object) -> list[Object]:
    """Every object of a release; settings are values by their path, with __ for dots."""
    told = [f"--set={name.replace('__', '.')}={value}" for name, value in settings.items()]
    done = run_helm("template", NAME, CHART, "--namespace", "puzzles", "--values", values, *told)
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def refusal(values: Path, *told: str) -> str:
    """What helm says to values that it does not take."""
    done = run_helm("template", NAME, CHART, "--values", values, *told)
    assert done.returncode != 0
    return done.stderr


def find(objects: list[Object], kind: str, component: str) -> Object:
    """The one object of this kind and component."""
    [found] = [one for one in objects if one["kind"] == kind and one["metadata"]["name"].endswith(f"-{component}")]
    return found


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Component and pod template of everything that makes pods."""
    for one in objects:
        spec = one.get("spec", {})
        template = spec.get("jobTargetRef", spec).get("template")
        if template is not None:
            yield template["metadata"]["labels"]["app.kubernetes.io/component"], template


def settings_of(template: Object) -> dict[str, str]:
    """The settings that a pod's process gets as variables."""
    [container] = template["spec"]["containers"]
    return {variable["name"]: variable["value"] for variable in container["env"]}


def secret_files(template: Object) -> dict[str, str]:
    """File under /run/secrets -> key of the Secret."""
    [volume] = [volume["secret"] for volume in template["spec"]["volumes"] if volume["name"] == "secrets"]
    return {item["path"]: item["key"] for item in volume["items"]}
