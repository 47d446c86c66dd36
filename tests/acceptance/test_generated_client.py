"""A client made from the OpenAPI file by a generator reads every answer as what it is: `make test-slow` installs the generator."""

import os
import subprocess
from pathlib import Path

import pytest

from services.registry.settings import Settings
from services.stack import state

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".clients" / "bin"  # of its own: the generator pins older versions of what this project stands on
GENERATOR = TOOLS / "openapi-python-client"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    command: list[str | Path] = [GENERATOR, "generate", "--path", ROOT / "docs/openapi.json", "--meta", "none"]
    path = {"PATH": f"{TOOLS}:{os.environ['PATH']}"}
    made = subprocess.run(
        [*command, "--output-path", folder / "trm_client"], env=os.environ | path, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr + made.stdout
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
