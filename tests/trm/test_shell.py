"""What the command line says at once, without loading torch, and what it reads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trm.cli import build
from trm.config.presets import PRESETS
from trm.puzzles import grids
from trm.puzzles.datasets.datasets import load

PUZZLE = "1.....2.....3.....4.....5.....6....."


def trm(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-X", "importtime", "-m", "trm", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


MISTAKES = {
    ("train", "--preset", "nothing"): "There is no preset",
    ("train", "--set", "train.nothing=1"): "train.nothing",
    ("train", "--resume", "nothing"): "There is no checkpoint nothing",
    ("solve", "1234", "--checkpoint", "nothing"): "There is no checkpoint nothing",
    ("solve", "1234", "--model", "nothing"): "nothing",
    ("solve", "1234"): "No shipped model answers",
    ("evaluate",): "Give either --checkpoint",
    ("solve", "1234", "--model", "sudoku-6x6", "--effort", "nothing=1"): "nothing",
    ("solve", "nothing.txt", "--model", "sudoku-6x6"): "There is no file nothing.txt",
    ("evaluate", "--checkpoint", "nothing"): "There is no checkpoint nothing",
    ("evaluate", "--model", "sudoku-6x6", "--effort", "nothing=1"): "nothing",
}
ONE_BY_ONE = """
import io, json, sys
from contextlib import redirect_stderr
from trm.__main__ import run

for arguments in json.loads(sys.argv[1]):
    sys.argv, said, code = ["trm", *arguments], io.StringIO(), 0
    try:
        with redirect_stderr(said):
            run()
    except SystemExit as ended:
        code = ended.code
    print(json.dumps([code, " ".join(said.getvalue().splitlines()), "torch" in sys.modules]))
"""


@pytest.fixture(scope="module")
def answers() -> dict[tuple[str, ...], list[object]]:
    """Exit status, standard error, and whether torch was loaded by then, of all mistakes in one process."""
    command = [sys.executable, "-c", ONE_BY_ONE, json.dumps([*MISTAKES])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return dict(zip(MISTAKES, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize(("arguments", "words"), MISTAKES.items())
def test_simple_mistakes_are_answered_without_torch(
    arguments: tuple[str, ...], words: str, answers: dict[tuple[str, ...], list[object]]
) -> None:
    code, said, has_torch = answers[arguments]
    assert (code, has_torch) == (1, False)
    assert words in str(said)


def test_the_command_itself_loads_no_torch_for_a_mistake() -> None:
    done = trm("evaluate")
    assert (done.returncode, "Give either --checkpoint" in done.stderr) == (1, True)
    assert not any(line.endswith("| torch") for line in done.stderr.splitlines())


def test_a_puzzle_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "puzzle.txt").write_text(PUZZLE + "\n")
    from_file, typed = (
        CliRunner().invoke(build(), ["solve", given, "--model", "sudoku-6x6"], catch_exceptions=False).stdout
        for given in (str(tmp_path / "puzzle.txt"), PUZZLE)
    )
    assert from_file == typed
    assert "halt probability" in typed


def test_a_maze_may_be_longer_than_a_name_of_a_file() -> None:
    mazes = load("maze-hard", "test")
    written = grids.text(mazes.spec, mazes.questions[0])
    found = CliRunner().invoke(build(), ["solve", written, "--effort", "max_steps=1", "--json"], catch_exceptions=False)
    assert found.exit_code in (0, 2)
    assert json.loads(found.stdout)["question"] == written


ROWS = [PUZZLE[begin : begin + 6] for begin in range(0, 36, 6)]
FILES = {
    "a.txt": f"\ufeff{PUZZLE}".encode(),
    "b.txt": PUZZLE.encode("utf-16"),
    "c.txt": PUZZLE.replace(".", "0").encode(),
    "d.txt": PUZZLE.replace(".", "_").encode(),
    "e.sdm": f"{PUZZLE}\n".encode(),
    "f.sdk": "\n".join(["#A a board", *ROWS]).encode(),
    "g.ss": "\n-------\n".join(
        "\n".join(f"{row[:3]}|{row[3:]}" for row in ROWS[begin : begin + 2]) for begin in (0, 2, 4)
    ).encode(),
    "h.json": json.dumps([[int(cell.replace(".", "0")) for cell in row] for row in ROWS]).encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_may_hold_any_form_of_a_puzzle(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    found = CliRunner().invoke(build(), ["solve", str(tmp_path / name), "--model", "sudoku-6x6", "--json"])
    assert found.exit_code in (0, 2), found.output  # 2: the rules do not verify the answer
    assert json.loads(found.stdout)["question"] == PUZZLE


def test_a_model_is_measured_on_a_table_of_another_make(tmp_path: Path) -> None:
    row = ".1254..3..6.12....35.1245.3.1.2..3..;612543435261124635356124563412241356"
    (tmp_path / "puzzles.csv").write_bytes(f"quizzes;solutions\r\n{row}\r\n".encode("utf-16"))
    asked = ["evaluate", "--model", "sudoku-6x6", "--data", str(tmp_path / "puzzles.csv"), "--json"]
    found = CliRunner().invoke(build(), asked)
    assert found.exit_code == 0, found.output
    assert (json.loads(found.stdout)["n"], json.loads(found.stdout)["exact_accuracy"]) == (1, 1)


def test_names_of_presets_are_whole() -> None:
    shown = trm("inspect", "--presets").stdout
    assert all(f" {name} " in shown for name in PRESETS)


@pytest.mark.training
def test_a_training_without_a_preset_says_which_it_takes(tmp_path: Path) -> None:
    tiny = (
        "--set=train.steps=1",
        "--set=train.batch_size=8",
        "--set=model.hidden_size=8",
        "--set=train.test_puzzles=8",
    )
    done = trm("train", *tiny, "--out", str(tmp_path / "out"), "--device", "cpu")
    assert done.stdout.startswith("Training the preset sudoku-4x4;")
