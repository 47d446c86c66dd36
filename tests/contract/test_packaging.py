"""What is installed by whom: two distributions, their contents, and how many packages each extra brings."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from trm.puzzles.datasets.datasets import BUILTIN

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
INSTALL = (ROOT / "docs/how-to/install.md").read_text()
PINS = {canonicalize_name(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines()[1:]}
SERVER = "deploy/server"


def project(folder: str = ".") -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    return table


def required(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    """What an installed distribution asks for here."""
    for line in requires(name) or ():
        requirement = Requirement(line)
        environments = [{"extra": extra} for extra in extras or {""}]
        if requirement.marker is None or any(requirement.marker.evaluate(e) for e in environments):
            yield requirement


def closure(*extras: str) -> set[str]:
    """Every distribution that `pip install trm-service[extras]` brings here, itself counted."""
    table = project()
    lines = [*table["dependencies"], *(line for extra in extras for line in table["optional-dependencies"][extra])]
    waiting = [Requirement(line) for line in lines]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key not in seen:
            seen.add(key)
            waiting += required(*key)
    return {name for name, _ in seen} | {"trm-service"}


def test_the_library_brings_no_service_and_the_service_no_torch() -> None:
    base, service = closure(), closure("service")
    assert base < service
    assert not base & {"fastapi", "celery", "sqlalchemy", "redis", "torch"}
    assert {"fastapi", "celery", "sqlalchemy", "psycopg", "alembic"} <= service
    assert "torch" not in service


@pytest.mark.parametrize("extras", [(), ("torch",), ("client",), ("service",), ("service", "torch")])
def test_the_document_says_how_many_packages_are_installed(extras: tuple[str, ...]) -> None:
    name = "trm-service" + (f"[{','.join(extras)}]" if extras else "")
    assert re.search(
        rf"^\| `pip install '?{re.escape(name)}'?` \|.*\| {len(closure(*extras))} \|$", INSTALL, re.MULTILINE
    )


def test_every_package_is_pinned() -> None:
    extras = project()["optional-dependencies"].keys() - {"audit"}  # `make audit` installs that one
    assert closure(*extras) - PINS <= {"trm-service", "setuptools"}


def test_both_distributions_have_one_version() -> None:
    version = project()["version"]
    assert project(SERVER)["version"] == version
    assert project(SERVER)["dependencies"] == [f"trm-service[service]=={version}"]
    assert re.search(
        rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Distribution -> the files of its wheel, built from a copy of the tree."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheels")
    for folder in ("trm", "services", "workers", "migrations", SERVER):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tree)
    for source in (".", f"./{SERVER}"):
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--wheel-dir",
            str(out),
        ]
        subprocess.run([*command, source], cwd=tree, check=True)
    return {path.name.split("-")[0]: set(ZipFile(path).namelist()) for path in out.glob("*.whl")}


def top(names: set[str]) -> set[str]:
    return {name.split("/")[0] for name in names if ".dist-info/" not in name}


@pytest.mark.slow
def test_the_library_claims_one_name_and_the_server_the_others(wheels: dict[str, set[str]]) -> None:
    assert {name: top(files) for name, files in wheels.items()} == {
        "trm_service": {"trm"},
        "trm_service_server": {"services", "workers", "migrations"},
    }


def test_wheels_hold_every_module_and_the_data(wheels: dict[str, set[str]]) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "trm", "services", "workers", "migrations"], cwd=ROOT, capture_output=True, text=True
    )
    modules = {name for name in tracked.stdout.splitlines() if name.endswith((".py", ".mako"))}
    library, server = wheels["trm_service"], wheels["trm_service_server"]
    assert {name for name in modules if (ROOT / name).exists()} <= library | server
    assert {"trm/py.typed", "trm/models/sudoku-6x6/model.safetensors"} <= library
    files = {d.path(split) for d in BUILTIN.values() if d.spec.kind != "arc" for split in d.splits}
    assert {str(path.relative_to(ROOT)) for path in files} <= library
    assert any(name.endswith("entry_points.txt") for name in library)


def test_the_server_brings_the_built_console_without_its_sources(wheels: dict[str, set[str]]) -> None:
    brought = {name for name in wheels["trm_service_server"] if name.startswith("services/console/")}
    built = {f"services/console/built/{path.name}" for path in (ROOT / "services/console/built").iterdir()}
    assert brought == built | {"services/console/__init__.py"}


def test_commits_are_checked_as_make_check_does() -> None:
    [recipe] = re.findall(r"^check: .*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    [repository] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    commands = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe.splitlines()]
    assert [hook["entry"] for hook in repository["hooks"]] == commands
