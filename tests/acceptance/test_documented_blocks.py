"""Every fenced block of the documents is run as it is printed: Python, `trm`, and curl against the stack.

Sybil finds them, and evaluators of our own run them. A page's blocks run one after the other in a folder of the page.
What would take hours is made small (`SMALL`, `SHORTER`), and what cannot run here is listed with the reason
(`NOT_RUN`): a block that is neither run nor listed fails.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, permutations
from pathlib import Path

import pytest
from sybil import Document, Example, Region
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer
from typer.testing import CliRunner

from tests.acceptance.conftest import submit_training
from tests.api import Client
from tests.contract.test_documents import PAGES, named
from trm.cli import build
from trm.puzzles import grids
from trm.puzzles.datasets.datasets import load

SMALL = {
    "model.hidden_size": 16, "model.layers": 1, "model.latent_steps": 1, "model.max_supervision_steps": 2, "train.steps": 2,
    "train.batch_size": 4, "train.test_puzzles": 4, "train.evaluate_puzzles": 4, "train.log_every": 1, "train.augment": False,
}  # fmt: skip
SHORTER = {  # in texts of Python and of commands
    "steps=400": "steps=2, hidden_size=16, layers=1, test_puzzles=4, evaluate_puzzles=4",
    '{"train.steps": 800}': repr(SMALL),
    "--count 5000": "--count 20",
    "--count 1000": "--count 20",
    '"overrides": {"train.steps": 400}': f'"overrides": {json.dumps(SMALL)}',
}
NOT_RUN = {  # how a command begins -> why it does not run here
    "make ": "installs, or moves the stack that these tests stand on; test_make_commands_exist, and tests/acceptance/test_backup.py",
    ". .venv/bin/activate": "the reader's own shell: these tests name the script by its path",
    "pip install": "tests/contract/test_packaging.py installs what the wheels hold",
    "docker ": "needs Docker; tests/compose runs it, and tests/contract/test_compose.py reads the files",
    "git pull": "changes this tree",
    "kubectl ": "needs a cluster",
    "helm ": "the same; tests/deploy/test_chart.py renders the chart with the values that the page shows",
    "PRESET=": "trains for minutes on a borrowed machine; tests/trm/test_pack.py takes a training through its pieces",
    "PIECES=": "the same",
    "MEASURE=": "the same",
    "DEVICE=": "the same",
    "grep -h": "reads what a borrowed machine sent back",
    "export TRM_DATABASE_URL": "the operator's own",
    "export OTEL_EXPORTER_OTLP_ENDPOINT": "the operator's own; tests/acceptance/test_tracing.py has a collector",
    "export TRM_": "the operator's own",
    "export AWS_": "the same",
    "export HEAD_ADDRESS": "the same",
    "source ~/trm/env.sh": "the same",
    "python -m workers": "stays in the foreground; tests/chaos/test_hosts.py has workers join from other hosts",
    "exec python -m workers": "the same",
    "sbatch": "needs Slurm",
    "python -m services.gateway keys": "tests/gateway/test_keys_command.py runs it",
    'curl -s $API/v1/webhooks -H "Authorization: Bearer $KEY"': "names a host that is not there; tests/workers/test_webhooks.py",
    "python -m trm convert": "needs a published checkpoint; tests/trm/test_convert.py",
    "python -m trm solve --checkpoint converted": "the same",
    "python -m trm train --preset arc-1": "makes 876,406 variants first; tests/trm/test_arc_feed.py trains on few",
    "python -m trm arc": "needs a model of those; tests/trm/test_benchmarks.py",
    "python -m pytest": "is this",
    "openapi-python-client": "tests/acceptance/test_generated_client.py",
    "trm up": "moves the stack that these tests stand on; tests/acceptance/test_command_line.py asks for it again",
    "trm login": "names a host that is not there; tests/gateway/test_command_line.py",
    "trm jobs list --profile": "the same",
    "npx openapi-typescript": "the same",
}
NO_COMMANDS = {  # first words of blocks that show something
    "─────────────": "what the demo prints",
    "services/registry/": "the order of imports",
    "HTTP -> gateway": "a drawing",
    "POST /v1/training-jobs  ": "a drawing of a trace",
    "# my-values.yaml": "values of the chart; tests/deploy/test_chart.py renders them",
    "# worker.env": "a file of settings",
}
PUZZLES = {
    "sudoku": "4...366.....3.524121.56...3..4546...",
    "maze": "S  ## G  ",
}  # by the model whose card asks for one
pytestmark = pytest.mark.slow
BLOCKS = RawFencedCodeBlockLexer(re.compile(r"(?P<language>\w*)$\n", re.MULTILINE))
IDS = re.compile(r"\b(?:job|run|ckpt)_[0-9a-f]{32}\b")


def _masked(line: str) -> str:
    """A line with its ids, numbers, ages and spaces made alike."""
    line = re.sub(r"\d[\d,.]*", "#", IDS.sub("ID", line))
    return re.sub(r"# (s|min|h|d)\b", "# s", " ".join(line.split()))


@dataclass(frozen=True)
class Finished:
    """A training of the stack that has ended, and one of the command line."""

    job: str
    run: str
    checkpoint: Path


@pytest.fixture(scope="module")
def finished(stack: object, tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Finished:
    from services.stack import state

    running = state.read(data_dir)
    assert running is not None
    with Client(running.api) as client:
        job = client.wait_until_finished(submit_training(client, 2))
    folder = tmp_path_factory.mktemp("trained")
    _trm(["train", "--preset", "sudoku-4x4", "--out", str(folder), *_small()])
    return Finished(job["id"], job["run_id"], next(folder.glob("step_*")))


def _small() -> list[str]:
    settings = [part for name, value in SMALL.items() for part in ("--set", f"{name}={json.dumps(value)}")]
    return [*settings, "--ranks", "1"]  # in this process


def _trm(arguments: list[str], codes: tuple[int, ...] = (0,)) -> str:
    outcome = CliRunner().invoke(build(), arguments, catch_exceptions=False)
    assert outcome.exit_code in codes, f"trm {shlex.join(arguments)}\n{outcome.output}"
    return outcome.stdout


def _commands(block: str) -> Iterator[str]:
    """The commands of a block, lines that go on joined, comments left out."""
    for line in block.replace("\\\n", " ").splitlines():
        command = re.sub(r"\s+#.*$", "", line).strip()
        if command and not command.startswith("#"):
            yield command


def _shortened(text: str) -> str:
    for long, short in SHORTER.items():
        text = text.replace(long, short)
    return text


class Reader:
    """A reader who follows a page in a folder of their own."""

    def __init__(self, folder: Path, finished: Finished, client: Client) -> None:
        self.folder, self.finished, self.client = folder, finished, client

    def follow(self, language: str, block: str) -> None:
        """Run a block; fails when a command does, or when it is of no kind that is known."""
        if any(block.startswith(words) for words in NO_COMMANDS):
            return
        if language == "python":
            self._run_python(_shortened(block))
            return
        if language == "console":
            self._converse(block)
            return
        for command in _commands(_shortened(block)):
            if not any(command.startswith(words) for words in NOT_RUN):
                self._run(command)

    def _run_python(self, snippet: str) -> None:
        exec(compile(snippet, "snippet", "exec"), {"__name__": "snippet"})

    def _run(self, command: str) -> None:
        if command.startswith("curl "):
            self._curl(command)
        elif command.startswith("tar "):
            subprocess.run(shlex.split(command), cwd=self.folder, check=True, timeout=30)
        elif command.startswith("python -m trm "):
            self._trm(shlex.split(command)[3:])
        elif command.startswith("trm "):
            self._script(command.replace("JOB", self.finished.job).replace("RUN", self.finished.run))
        else:
            pytest.fail(f"{command!r} is neither run nor listed in NOT_RUN")

    def _script(self, command: str) -> list[str]:
        """The lines that the console script prints on a terminal."""
        if command.startswith("trm submit train "):
            command += "".join(f" --set {name}={json.dumps(value)}" for name, value in SMALL.items())
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "XDG_CONFIG_HOME": str(self.folder), "COLUMNS": "100"}
        done = subprocess.run(
            ["bash", "-c", f"{command} 2>&1"],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        codes = (0, 2) if command.startswith("trm solve") else (0,)  # 2: the rules do not verify it
        assert done.returncode in codes, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout.splitlines()

    def _converse(self, block: str) -> None:
        """Run the commands of a session; what is printed has the lines that the page shows, ids and numbers apart."""
        ids: dict[str, str] = {}  # of the page -> of here
        for words, *shown in (part.splitlines() for part in block.removeprefix("$ ").split("\n$ ")):
            command = words
            for of_page, of_here in ids.items():
                command = command.replace(of_page, of_here)
            printed = iter(self._script(command))
            for line in shown:
                same = next((other for other in printed if _masked(other) == _masked(line)), None)
                assert same is not None, f"{command} does not print {line!r}"
                ids |= zip(IDS.findall(line), IDS.findall(same), strict=True)

    def _curl(self, command: str) -> None:
        command = command.replace("JOB", self._job_for(command)).replace("RUN", self.finished.run)
        strict = 'curl() { command curl --fail-with-body --max-time 60 "$@"; }'
        answered = subprocess.run(
            ["bash", "-c", f"API={self.client.api}; {strict}; {command}"],
            cwd=self.folder, capture_output=True, text=True, timeout=90,
        )  # fmt: skip
        assert answered.returncode == 0, f"{command}\n{answered.stdout}{answered.stderr}"

    def _job_for(self, command: str) -> str:
        """The job that a command is about: one to pause, the solve that a page has just made, or a finished training."""
        if command.endswith("/pause"):
            return str(submit_training(self.client, 1_000)["id"])
        if "/solve-jobs/JOB/continue" in command:
            made = self.client.get("/v1/jobs", kind="solve", status="succeeded")["data"]
            return str(next(job["id"] for job in made if "continue" in job["links"]))
        return self.finished.job

    def _trm(self, arguments: list[str]) -> None:
        arguments, out = (arguments[:-2], arguments[-1]) if arguments[-2:-1] == [">"] else (arguments, None)
        arguments = [self._existing(argument) for argument in arguments]
        if arguments[0] == "train" and "--resume" not in arguments:
            arguments += _small()
        if arguments[0] == "evaluate" or "--measure" in arguments:
            arguments += ["--limit", "2"]
        printed = _trm(arguments, (0, 2) if arguments[0] == "solve" else (0,))  # 2: the rules do not verify it
        if out is not None:
            (self.folder / out).write_text(printed)

    def _existing(self, argument: str) -> str:
        """A checkpoint that is there, for one that the page names: its trainings were shorter here."""
        if argument == "CHECKPOINT":
            return str(self.finished.checkpoint)
        folder, step, _ = argument.partition("/step_")
        if not step:
            return PUZZLES.get(self.folder.name, PUZZLES["sudoku"]) if argument == "PUZZLE" else argument
        made = sorted((self.folder / folder).glob("step_*"))
        return str(made[-1] if made else self.finished.checkpoint)


def follow(example: Example) -> str | None:
    """Sybil's evaluator of a block: what is wrong with it, which Sybil says with page and line."""
    language, block = example.parsed
    try:
        example.namespace["reader"].follow(language, block)
    except (pytest.fail.Exception, Exception) as error:
        return f"{block}\n{type(error).__name__}: {error}"
    return None


def find_blocks(document: Document) -> Iterator[Region]:
    """Sybil's parser of a page."""
    for region in BLOCKS(document):
        region.parsed = region.lexemes["language"], str(region.lexemes["source"])
        region.evaluator = follow
        yield region


def examples(page: Path) -> list[Example]:
    return list(Document.parse(str(page), find_blocks).examples())


def blocks(page: Path) -> list[tuple[str, str]]:
    return [example.parsed for example in examples(page)]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=named)
def test_what_a_page_shows_can_be_done(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: Finished, client: Client
) -> None:
    folder = (
        page.parent if page.parent.parent.name == "models" else tmp_path
    )  # a card speaks of the folder that it lies in
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TRM_URL", client.api)
    if folder == tmp_path:
        _write_tables(tmp_path)
    reader = Reader(folder, finished, client)
    try:
        for example in examples(page):
            example.namespace["reader"] = reader
            example.evaluate()
    finally:
        for status in ("queued", "running", "paused"):
            for job in client.get("/v1/jobs", status=status)["data"]:
                client.http.post(f"/v1/jobs/{job['id']}/cancel")  # refused where the job has succeeded meanwhile


def _write_tables(folder: Path) -> None:
    puzzles = load("sudoku-6x6", "train").take(40)
    pairs = zip(puzzles.questions, puzzles.answers, strict=True)
    _write(folder / "puzzles.csv", [[grids.text(puzzles.spec, grid) for grid in pair] for pair in pairs])
    squares = ["abcdbcdacdabdabc".translate(str.maketrans("abcd", "".join(order))) for order in permutations("abcd")]
    _write(
        folder / "latin.csv", [["_" * (1 + i % 4) + square[1 + i % 4 :], square] for i, square in enumerate(squares)]
    )
    (folder / "latin.rules.json").write_text('{"rows": true, "columns": true}')


def _write(path: Path, rows: list[list[str]]) -> None:
    path.write_text("\n".join(["question,answer", *map(",".join, rows), ""]))


def test_every_exception_is_needed() -> None:
    shown = [block for page in PAGES for _, block in blocks(page)]
    commands = [command for block in shown for command in _commands(block)]
    assert [words for words in NOT_RUN if not any(c.startswith(words) for c in commands)] == []
    assert [words for words in NO_COMMANDS if not any(b.startswith(words) for b in shown)] == []
    assert [words for words in islice(SHORTER, 2) if not any(words in b for b in shown)] == []
