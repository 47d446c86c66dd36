"""The console script `trm`, as a user's shell runs it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

SCRIPT = str(Path(sys.executable).with_name("trm"))


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401  what JSON holds
        return json.loads(self.out)

    @property
    def documents(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Shell:
    """A folder and an environment to run the script in; profiles are kept in the folder."""

    folder: Path
    environment: Mapping[str, str]

    def settings(self, more: Mapping[str, str]) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("TRM_", "COLUMNS"))}
        return own | {"XDG_CONFIG_HOME": str(self.folder / "config")} | {**self.environment, **more}

    def run(
        self, *arguments: str, code: int = 0, stdin: str = "", environment: Mapping[str, str] = MappingProxyType({})
    ) -> Ended:
        """Run it to its end; fails the test when it exits otherwise, or shows a traceback."""
        done = subprocess.run(
            [SCRIPT, *arguments], cwd=self.folder, env=self.settings(environment), input=stdin, capture_output=True,
            text=True, timeout=120,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, f"trm {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return Ended(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start it and leave it running, in a process group of its own, as a shell does."""
        return subprocess.Popen(
            [SCRIPT, *arguments], cwd=self.folder, env=self.settings({"PYTHONUNBUFFERED": "1"}), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # jobs in the background ignore it
        )  # fmt: skip
