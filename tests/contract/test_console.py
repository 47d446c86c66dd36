"""The console's bundle is what its sources build, small, and of known licences."""

import filecmp
import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from services.console import BUILT

SOURCES = BUILT.parent
PAGE = SOURCES.parents[1] / "docs/how-to/console.md"
MOST_BYTES = 200_000  # of script and style together, before compression
WHEEL = SOURCES.parents[1] / ".clients/node"  # where `make .clients/typescript` has installed Node from PyPI
PATH = f"{os.environ['PATH']}{os.pathsep}{WHEEL}"
NPM = shutil.which("npm", path=PATH)


@pytest.mark.slow  # then the wheel is there, too
@pytest.mark.skipif(NPM is None, reason="Node is not at hand: the bundle cannot be built again to compare it")
def test_the_bundle_is_what_the_sources_build(tmp_path: Path) -> None:
    tree, out = tmp_path / "console", tmp_path / "built"
    shutil.copytree(SOURCES, tree, ignore=shutil.ignore_patterns("node_modules", "built", "__pycache__"))
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    assert NPM is not None
    for command in ([NPM, "ci", *quiet], [NPM, "run", "--silent", "check"], ["node", "build.mjs", str(out)]):
        subprocess.run(command, cwd=tree, check=True, timeout=240, env={**os.environ, "PATH": PATH})
    names = sorted(path.name for path in out.iterdir())
    assert names == sorted(path.name for path in BUILT.iterdir())
    assert filecmp.cmpfiles(out, BUILT, names, shallow=False) == (names, [], [])  # else: make console


def test_the_bundle_is_small() -> None:
    assert sum((BUILT / name).stat().st_size for name in ("console.js", "console.css")) < MOST_BYTES


def test_the_page_on_the_console_says_how_large_it_is() -> None:
    files = [(BUILT / name).read_bytes() for name in ("console.js", "console.css")]
    sizes = [sum(map(len, files)), sum(len(gzip.compress(file)) for file in files)]
    [said] = re.findall(r"script and style: ([0-9.]+) kB, ([0-9.]+) kB compressed", PAGE.read_text())
    assert [float(size) for size in said] == pytest.approx([size / 1000 for size in sizes], abs=1)


def test_every_bundled_package_has_its_licence_beside_it() -> None:
    licences = (BUILT / "LICENSE.console-bundle.txt").read_text()
    bundled = json.loads((SOURCES / "package.json").read_text())["dependencies"]
    assert [name for name in bundled if f"{name}\n\n" not in licences] == []
    assert "MIT" in licences


def test_versions_are_pinned_and_no_registry_is_named() -> None:
    package = json.loads((SOURCES / "package.json").read_text())
    wanted = package["dependencies"] | package["devDependencies"]
    locked = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert [name for name, entry in locked.items() if "resolved" in entry] == []
    assert all("integrity" in entry for name, entry in locked.items() if name)
