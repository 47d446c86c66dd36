"""The command line and a whole service, through the console script: what a user does, and what a script can rely on."""

import csv
import json
import os
import pty
import re
import select
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pyarrow import parquet

from services.gateway.problems.catalogue import CATALOGUE
from services.registry.settings import Settings
from tests.acceptance.conftest import TINY
from tests.api import Client
from tests.commands import FIELDS, RESOURCES, require_resource
from tests.conftest import wait_until
from tests.script import SCRIPT, Shell
from trm.cli.exit_codes import ExitCode
from trm.puzzles import grids
from trm.puzzles.datasets.datasets import load

pytestmark = pytest.mark.slow
SET = [part for name, value in TINY.items() for part in ("--set", f"{name}={value}")]
LONG = ("submit", "train", *SET, "--set", "train.steps=1000000")
PATIENCE = 180  # seconds for a command on a terminal; a first maze waits for its model to be loaded and compiled, beside other tests
PUZZLE = "4...366.....3.524121.56...3..4546..."  # a 6x6 Sudoku with one answer


@pytest.fixture(scope="module")
def shell(stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A user in a folder of their own, who has named the stack's by the variable of its data folder."""
    return Shell(tmp_path_factory.mktemp("user"), {"TRM_DATA_DIR": str(stack.data_dir)})


@pytest.fixture(scope="module")
def trained(shell: Shell) -> dict[str, Any]:
    """A training that was submitted and waited for; the job as it was printed."""
    labels = ("--name", "first", "--tag", "cli", "--metadata", "cost=1")
    job: dict[str, Any] = shell.run("submit", "train", *SET, "--set", "train.steps=20", *labels, "--json").document
    return job


@pytest.fixture
def long(shell: Shell, client: Client) -> Iterator[str]:
    """A training that takes hours, submitted and left."""
    left = shell.run(*LONG, "--detach")
    job = left.out.strip()
    assert f"trm jobs watch {job}" in left.err
    yield job
    client.post(f"/v1/jobs/{job}/cancel", {})


def test_what_is_printed_as_json_is_what_the_api_answers(shell: Shell, client: Client, trained: dict[str, Any]) -> None:
    job, run = trained["id"], trained["run_id"]
    assert trained == client.get(f"/v1/jobs/{job}")
    assert (trained["status"], trained["name"], trained["tags"], trained["metadata"]) == (
        "succeeded", "first", ["cli"], {"cost": "1"},
    )  # fmt: skip
    for command, path in (
        (f"jobs show {job}", f"/v1/jobs/{job}"),
        (f"runs show {run}", f"/v1/runs/{run}"),
        ("datasets show sudoku-4x4", "/v1/datasets/sudoku-4x4"),
        ("models list", "/v1/models"),
    ):
        assert shell.run(*command.split(), "--json").document == client.get(path)
    for command, path in (
        ("jobs list --tag cli --kind train --status succeeded", "/v1/jobs"),
        ("runs list --tag cli", "/v1/runs"),
    ):
        assert shell.run(*command.split(), "--json").document == {"data": client.get(path, tag="cli")["data"]}
    events = shell.run("jobs", "watch", job, "--json").documents
    listed = client.http.get(f"/v1/jobs/{job}/events", headers={"Accept": "application/json"}).json()["data"]
    assert events == [{name: event[name] for name in ("id", "type", "data")} for event in listed]
    assert events[-1]["type"] == "done"
    lines = shell.run("jobs", "logs", job, "--json").documents
    assert lines == client.get(f"/v1/jobs/{job}/logs")["data"]


def test_ends_are_told_by_the_exit_status(shell: Shell, trained: dict[str, Any]) -> None:
    shell.run("jobs", "list", "--nonsense", code=ExitCode.USAGE)
    assert "[job_not_found]" in shell.run("jobs", "show", "job_none", code=ExitCode.NOT_FOUND).err
    refused = shell.run("submit", "train", "--set", "train.stepz=1", code=ExitCode.REFUSED).err
    assert "Did you mean 'train.steps'?" in refused
    assert "[job_already_finished]" in shell.run("jobs", "pause", trained["id"], code=ExitCode.REFUSED).err
    several = shell.run("jobs", "cancel", trained["id"], "job_none", code=ExitCode.REFUSED).err.splitlines()
    assert several[1:] == [f"  That is {trained['id']}.", "  job_none: There is no job 'job_none'. [job_not_found]"]
    assert "two runs or more" in shell.run("runs", "compare", trained["run_id"], code=ExitCode.USAGE).err
    unwritable = shell.run("models", "download", trained["run_id"], "--out", "none/it.tar", code=ExitCode.FAILED).err
    assert "Cannot use none" in unwritable
    failed = shell.run(*LONG, "--timeout-seconds", "1", code=ExitCode.FAILED).err
    assert "[job_timed_out]" in failed
    assert CATALOGUE["job_timed_out"].advice in failed


def test_ctrl_c_detaches_and_the_job_goes_on(shell: Shell, client: Client) -> None:
    process = shell.start(*LONG)
    assert process.stderr is not None
    job = re.search(r"job_\w+", process.stderr.readline())
    assert job is not None
    try:
        _detach_and_attach(shell, client, process, job)
    finally:
        client.http.post(f"/v1/jobs/{job[0]}/cancel")  # refused where it has ended


def _detach_and_attach(shell: Shell, client: Client, process: subprocess.Popen[str], job: re.Match[str]) -> None:
    wait_until(lambda: client.get(f"/v1/jobs/{job[0]}")["status"] == "running")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED
    assert f"the job goes on. Attach again: trm jobs watch {job[0]}" in told
    assert "Traceback" not in told
    assert client.get(f"/v1/jobs/{job[0]}")["status"] == "running"

    attached = shell.start("jobs", "watch", job[0])
    time.sleep(1)
    assert shell.run("jobs", "cancel", job[0], "--json").document["id"] == job[0]
    _, told = attached.communicate(timeout=60)
    assert attached.returncode == ExitCode.CANCELLED
    assert "was cancelled" in told


def test_a_puzzle_is_solved_on_the_service(shell: Shell) -> None:
    answer = shell.run("solve", "--remote", PUZZLE, "--json").document
    assert answer["question"] == PUZZLE
    assert (answer["verified"], answer["reason"]) == (True, "halted")
    shown = shell.run("solve", "--remote", PUZZLE, "--steps").out
    assert re.search(r"^step 1: halt probability 0\.\d+, 18 cells changed$", shown, re.MULTILINE)
    assert "verified by the rules" in shown
    here = shell.run("solve", PUZZLE, "--json").document
    assert here.keys() == answer.keys()
    assert here["answer"] == answer["answer"]


def test_the_board_is_redrawn_in_place(shell: Shell) -> None:
    drawn = _on_terminal(shell, "solve", "--remote", "--watch", PUZZLE, "--effort", "max_steps=4")
    boards = drawn.split("\x1b[2K\x1b[1A")  # clears a line and moves up
    assert len(boards) > 4
    assert [int(step) for step in re.findall(r"step (\d): halt probability", drawn)][:4] == [1, 2, 3, 4]
    assert "█" in drawn
    assert "\x1b[33m" in drawn  # a cell that has changed
    assert "verified by the rules" in drawn


def test_a_board_that_is_taller_than_the_terminal_is_drawn_small(shell: Shell) -> None:
    mazes = load("maze-hard", "test")
    maze = grids.text(mazes.spec, mazes.questions[0])
    drawn = _on_terminal(shell, "solve", "--remote", "--watch", maze, "--effort", "max_steps=2", lines=24, codes=(0, 2))
    last = drawn.rpartition("step 2: halt probability")[2]
    assert "\n                                      ..." not in last  # how rich cuts what does not fit
    assert len(re.findall(r"\n[^\n]*[\u2580\u2584]", last)) == 15  # two rows of the maze on a line


def _on_terminal(shell: Shell, *arguments: str, lines: int = 40, codes: tuple[int, ...] = (0,)) -> str:
    """What the command writes to a terminal of 80 columns."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(shell.folder)
        os.execve(
            SCRIPT,
            [SCRIPT, *arguments],
            shell.settings({"TERM": "xterm-256color", "COLUMNS": "80", "LINES": str(lines)}),
        )
    written, deadline = b"", time.monotonic() + PATIENCE
    with suppress(OSError):  # the end of a terminal
        while time.monotonic() < deadline and select.select([terminal], [], [], PATIENCE)[0]:
            piece = os.read(terminal, 1 << 16)
            if not piece:
                break
            written += piece
    if time.monotonic() >= deadline:
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]  # before the terminal goes, which would hang up a command that is about to end
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) in codes, written.decode()
    return written.decode()


def test_a_training_shows_a_bar_on_a_terminal(shell: Shell) -> None:
    drawn = _on_terminal(shell, "submit", "train", *SET, "--set", "train.steps=20")
    assert re.search(r"training: step \d+ of 20", drawn)
    assert "━" in drawn
    assert re.search(r"trained for 20 steps in [\d.]+ s", drawn)


def test_what_takes_long_says_what_it_does_on_a_terminal(shell: Shell, trained: dict[str, Any]) -> None:
    assert "thinking" in _on_terminal(shell, "solve", PUZZLE)
    run = trained["run_id"]
    assert f"exporting {run}" in _on_terminal(shell, "runs", "export", run, "--out", "drawn")


def test_jobs_are_paused_resumed_and_tried_again(shell: Shell, client: Client, long: str) -> None:
    def move(verb: str, *until: str) -> None:
        assert shell.run("jobs", verb, long).out.startswith(f"{long} is ")
        wait_until(lambda: client.get(f"/v1/jobs/{long}")["status"] in until)

    wait_until(lambda: client.get(f"/v1/jobs/{long}")["status"] == "running")
    move("pause", "paused")
    assert long in shell.run("jobs", "list", "--status", "paused").out
    move("resume", "queued", "running")
    move("cancel", "cancelled")
    move("retry", "queued", "running")
    move("cancel", "cancelled")


def test_a_run_is_forked_compared_promoted_downloaded_and_used(shell: Shell, trained: dict[str, Any]) -> None:
    run = trained["run_id"]
    plan = shell.run("runs", "fork", run, "--set", "train.steps=6", "--dry-run", "--json").document
    assert plan["config"]["train"]["steps"] == 6
    fork = shell.run("runs", "fork", run, "--set", "train.steps=6", "--name", "fork", "--json").document["run_id"]
    [first, second] = shell.run("runs", "compare", run, fork, "--json").document["data"]
    assert second["parent_checkpoint_id"].startswith("ckpt_")
    assert (first["config"]["train"]["steps"], second["config"]["train"]["steps"]) == (20, 6)
    compared = shell.run("runs", "compare", run, fork).out
    assert re.search(r"^train\.steps +20 +6$", compared, re.MULTILINE)
    assert "train.seed" not in compared

    version = shell.run("models", "promote", "of-cli", fork, "--json").document
    assert (version["name"], version["version"]) == ("of-cli", 1)
    saved = shell.run("models", "download", "of-cli", "--out", "model.tar", "--json").document
    assert saved == {
        "checkpoint": version["checkpoint_id"], "file": "model.tar", "bytes": (shell.folder / "model.tar").stat().st_size,
    }  # fmt: skip
    with tarfile.open(shell.folder / "model.tar") as tar:
        tar.extractall(shell.folder, filter="data")
    solved = shell.run(
        "submit", "solve", "--model", "of-cli", "..21.....1.4.3..", "-", stdin="2..4.3......31..\n", code=0
    )
    assert "2 puzzles answered" in solved.out
    here = shell.run("solve", "--checkpoint", version["checkpoint_id"], "2..4.3......31..", "--json", code=2).document
    there = shell.run("solve", "--remote", "--model", "of-cli", "2..4.3......31..", "--json", code=2).document
    assert here["answer"] == there["answer"]
    report = shell.run("submit", "evaluate", "--model", "of-cli", "--limit", "20", "--json").document["result"][
        "report"
    ]
    assert report["n"] == 20
    assert "exact accuracy" in shell.run("submit", "evaluate", "--model", "of-cli", "--limit", "20").out


def test_a_run_is_exported_as_the_api_has_it(shell: Shell, client: Client, trained: dict[str, Any]) -> None:
    run = trained["run_id"]
    rows = client.get(f"/v1/runs/{run}/metrics")["data"]
    told = shell.run("runs", "export", run, "--out", "tables", "--json").document
    assert (told["run"], told["logged_steps"], len(told["files"])) == (run, len(rows), 3)
    with (shell.folder / "tables/curve.csv").open() as file:
        curve = list(csv.DictReader(file))
    assert [(int(row["step"]), float(row["loss"])) for row in curve] == [(row["step"], row["loss"]) for row in rows]
    config = json.loads((shell.folder / "tables/config.json").read_text())
    assert config == client.get(f"/v1/runs/{run}")["config"]
    said = shell.run("runs", "export", run, "--out", "parquet", "--to", "parquet").out
    assert said.startswith(f"{len(rows)} logged steps and ")
    assert parquet.read_table(shell.folder / "parquet/curve.parquet").to_pylist()[-1]["step"] == rows[-1]["step"]
    shell.run("runs", "export", "run_none", "--out", "none", code=ExitCode.NOT_FOUND)


def test_a_run_and_its_checkpoint_go_to_mlflow(shell: Shell, client: Client, trained: dict[str, Any]) -> None:
    store = f"sqlite:///{shell.folder}/mlflow.db"
    told = shell.run("runs", "export", trained["run_id"], "--to", "mlflow", "--out", store, "--json").document
    newest = client.get(f"/v1/runs/{trained['run_id']}/checkpoints", limit=1)["data"][0]["id"]
    files = {entry["name"]: entry["bytes"] for entry in client.get(f"/v1/checkpoints/{newest}/files")["data"]}
    stored = {path.name: path.stat().st_size for path in shell.folder.glob("mlruns/*/*/artifacts/checkpoint/*")}
    assert told["mlflow_run"] is not None
    assert stored == files


def test_data_sets_are_uploaded_and_their_faults_told(shell: Shell) -> None:
    puzzles = load("sudoku-4x4", "train").take(40)
    pairs = [
        (grids.text(puzzles.spec, q), grids.text(puzzles.spec, a))
        for q, a in zip(puzzles.questions, puzzles.answers, strict=True)
    ]
    table = shell.folder / "mine.csv"
    table.write_text("\n".join(["question,answer", *map(",".join, pairs), ""]))
    uploaded = shell.run("datasets", "upload", "of-cli", "mine.csv", "--json").document
    assert (uploaded["name"], uploaded["kind"], sum(uploaded["splits"].values())) == ("of-cli", "sudoku", 40)
    assert shell.run("datasets", "show", "of-cli", "--json").document == uploaded
    assert "of-cli" in shell.run("datasets", "list").out
    table.write_text(f"question,answer\n{pairs[0][0]},{pairs[1][1]}\n")
    refused = shell.run("datasets", "upload", "bad", "mine.csv", code=ExitCode.REFUSED).err
    assert re.search(r"^  row 1: ", refused, re.MULTILINE)


def test_every_document_has_the_fields_that_are_documented(shell: Shell, trained: dict[str, Any]) -> None:
    run, job = trained["run_id"], trained["id"]
    shell.run("generate", "four", "--size", "4", "--count", "20")
    promoted = shell.run("models", "promote", "of-documents", run, "--json").document
    key = shell.run("keys", "create", "alice", "--json").document
    left = shell.run(*LONG, "--detach", "--json").document
    made = {"submit train": [trained, left], "models promote": [promoted], "keys create": [key]}
    for verb in ("pause", "resume", "cancel", "retry", "cancel"):
        made[f"jobs {verb}"] = shell.run("jobs", verb, left["id"], "--json").documents
    asked = {
        "jobs list": (), "jobs show": (job,), "jobs logs": (job,), "runs list": (), "runs show": (run,), "runs compare": (run, run),
        "runs fork": (run, "--detach", "--set", "train.steps=1"),
        "submit solve": ("--model", "sudoku-6x6", PUZZLE), "submit evaluate": ("--model", "sudoku-6x6", "--limit", "2"),
        "models list": (), "models download": (run,), "datasets list": (), "datasets show": ("sudoku-4x4",),
        "datasets upload": ("of-documents", "four/train.csv.gz"), "keys list": (), "keys revoke": (key["id"],),
        "runs export": (run, "--out", "documents"), "up": (), "status": (), "logs": ("gateway",), "doctor": (),
        "login": ("--profile", "documents"), "solve": ("--remote", PUZZLE),
    }  # fmt: skip
    for command, arguments in asked.items():
        made[command] = shell.run(*command.split(), *arguments, "--json").documents
    shell.run("login", "--profile", "documents", "--forget", "--json")
    for command, documents in made.items():
        for document in documents:
            if command in RESOURCES:
                require_resource(document, RESOURCES[command] or "")
            else:
                assert document.keys() == FIELDS[command][0], command
    assert made.keys() >= RESOURCES.keys() - {"jobs watch"}


def test_the_stack_and_the_machine_are_told(shell: Shell, client: Client) -> None:
    state = shell.run("status", "--json").document
    assert (state["running"], state["ready"], state["url"]) == (True, True, client.api)
    assert {"postgres", "gateway", "worker-train"} <= state["parts"].keys()
    assert "password" not in json.dumps(state)
    assert shell.run("up", "--json").document["url"] == client.api  # it runs already
    assert {line["part"] for line in shell.run("logs", "gateway", "--json").documents} == {"gateway"}
    told = shell.run("doctor", "--json").document
    verdicts = {check["check"]: check["verdict"] for check in told["checks"]}
    assert told["failed"] == 0
    assert {
        "python",
        "processor",
        "disk",
        "ports",
        "database",
        "schema",
        "clock",
        "database clock",
        "api key",
    } <= verdicts.keys()
    assert shell.run(
        "status", code=ExitCode.NOT_RUNNING, environment={"TRM_DATA_DIR": str(shell.folder / "none")}
    ).out.endswith("trm up\n")
