"""The console's bundle is what its sources build, small, and of known licences."""

import filecmp
import gzip
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from services.console import BUILT
from tests.openapi import SCHEMAS

SOURCES = BUILT.parent
PAGE = SOURCES.parents[1] / "docs/how-to/console.md"
MOST_BYTES = 200_000  # of script and style together, before compression
WHEEL = SOURCES.parents[1] / ".clients/node"  # where `make .clients/typescript` has installed Node from PyPI
PATH = f"{os.environ['PATH']}{os.pathsep}{WHEEL}"
NPM = shutil.which("npm", path=PATH)


needs_node = pytest.mark.skipif(NPM is None, reason="Node is not at hand: the console cannot be built or checked")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with their tools."""
    assert NPM is not None
    tree = tmp_path_factory.mktemp("sources") / "console"
    shutil.copytree(SOURCES, tree, ignore=shutil.ignore_patterns("node_modules", "built", "__pycache__"))
    run(tree, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    return tree


def run(tree: Path, *command: str) -> None:
    subprocess.run(command, cwd=tree, check=True, timeout=240, env={**os.environ, "PATH": PATH})


@pytest.mark.slow  # then the wheel is there, too
@needs_node
def test_the_bundle_is_what_the_sources_build(tree: Path, tmp_path: Path) -> None:
    assert NPM is not None
    run(tree, NPM, "run", "--silent", "check")
    run(tree, "node", "build.mjs", str(tmp_path))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(path.name for path in BUILT.iterdir())
    assert filecmp.cmpfiles(tmp_path, BUILT, names, shallow=False) == (names, [], [])  # else: make console


def examples(schema: dict[str, Any]) -> Iterator[Any]:
    """Values that between them have every field and every kind of value that the schema allows."""
    if "$ref" in schema:
        yield from examples(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    elif kinds := schema.get("anyOf", schema.get("oneOf")):
        yield from chain.from_iterable(map(examples, kinds))
    elif "properties" in schema:
        fields = {name: list(examples(field)) for name, field in schema["properties"].items()}
        most = max(map(len, fields.values()))
        rows = ({name: values[i % len(values)] for name, values in fields.items()} for i in range(most))
        required = schema.get("required", ())
        yield from chain.from_iterable((row, {name: row[name] for name in required}) for row in rows)
    elif "const" in schema or "enum" in schema:
        yield from schema.get("enum") or [schema["const"]]
    elif schema["type"] == "array":
        yield list(examples(schema["items"]))
    elif schema["type"] == "object":
        yield from ({"a": value} for value in examples(schema["additionalProperties"]))
    else:
        yield {"string": "text", "integer": 1, "number": 0.5, "boolean": True, "null": None}[schema["type"]]


@pytest.mark.slow
@needs_node
def test_every_event_of_a_job_has_its_type(tree: Path) -> None:
    assert NPM is not None
    events = list(examples(SCHEMAS["JobEvent"]))
    assert {event["type"] for event in events} == set(SCHEMAS["JobEvent"]["discriminator"]["mapping"])
    check = tree / "src/events.ts"
    check.write_text(
        f'import type {{ JobEvent }} from "./api/types";\n\nexport const EVENTS: JobEvent[] = {json.dumps(events)};\n'
    )
    run(tree, NPM, "run", "--silent", "check")
    check.write_text(check.read_text().replace('"through"', '"thorough"'))
    with pytest.raises(subprocess.CalledProcessError):
        run(tree, NPM, "run", "--silent", "check")
    check.unlink()


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
