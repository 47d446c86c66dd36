"""The library as a stranger imports it: every public name, what it takes, and what it gives."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import trm
from trm.config.model import ModelConfig
from trm.config.train import TrainConfig
from trm.errors import ConfigError, ContradictoryGivens, InvalidOverride, UnknownModel, WrongGridSize
from trm.interface.effort import SEARCH
from trm.interface.events import Event, Finished
from trm.puzzles import arc_grids as arc
from trm.puzzles.drawing.render import plain
from trm.puzzles.grids import parse
from trm.puzzles.maze import spec_for as maze_of
from trm.solving.solver import Solver

ROOT = Path(__file__).parents[2]
EXPORTED = {
    "Effort",
    "Evaluation",
    "Run",
    "Solution",
    "Solver",
    "TrmError",
    "__version__",
    "datasets",
    "evaluate",
    "load",
    "presets",
    "train",
}
SIX = [".1254.", ".3..6.", "12....", "35.124", "5.3.1.", "2..3.."]


def test_the_public_members_are_these() -> None:
    assert set(trm.__all__) == set(dir(trm)) == EXPORTED
    assert all(getattr(trm, name) is not None for name in EXPORTED)
    with pytest.raises(AttributeError, match="no attribute 'solve'"):
        _ = trm.solve


def test_importing_loads_no_torch_until_it_is_needed() -> None:
    code = (
        "import sys, trm; trm.presets(), trm.datasets(), trm.Effort(), trm.__version__; print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"


def test_types_ship() -> None:
    assert (Path(trm.__file__).parent / "py.typed").exists()


def test_presets_and_datasets_are_told_by_name() -> None:
    assert trm.presets()["sudoku-4x4"].dataset in trm.datasets()
    assert trm.datasets()["maze-hard"].spec.kind == "maze"
    trm.presets().clear()
    assert trm.presets()


def test_settings_have_names_of_their_own() -> None:
    assert not ModelConfig.model_fields.keys() & TrainConfig.model_fields.keys()


@pytest.fixture(scope="module")
def six() -> Solver:
    return trm.load("sudoku-6x6", "cpu")


def test_a_puzzle_is_given_as_text_lists_or_arrays(six: Solver) -> None:
    rows = [[0 if cell == "." else int(cell) for cell in row] for row in SIX]
    given = (
        "".join(SIX),
        "\n".join(SIX),
        SIX,
        rows,
        [c for row in rows for c in row],
        np.array(rows),
        np.array(rows).ravel(),
    )
    [first, *others] = [six.solve(puzzle) for puzzle in given]
    assert {other.answer for other in others} == {first.answer}
    assert first.verified


def test_a_solution_prints_as_a_board_and_shows_as_a_picture(six: Solver) -> None:
    solution = six.solve(SIX)
    board = str(solution).splitlines()
    assert len(board) == 6 + 2  # lines between the boxes
    assert re.sub(r"[^1-6]", "", str(solution)) == solution.answer
    assert ElementTree.fromstring(solution._repr_svg_()).tag.endswith("svg")
    assert ["".join(row) for row in solution.board] == re.findall(".{6}", solution.answer)
    assert solution.digits.tolist() == [[int(cell) for cell in row] for row in solution.board]
    assert np.array_equal(solution.tokens, solution.digits.ravel() + 1)


def test_several_puzzles_are_answered_in_their_order(six: Solver) -> None:
    other = SIX[::-1]
    both = six.solve_all([SIX, np.array([list(row) for row in other])], trm.Effort(max_steps=3))
    assert [s.answer for s in both] == [six.solve(p, trm.Effort(max_steps=3)).answer for p in (SIX, other)]
    assert six.solve_all([]) == []


def test_what_cannot_be_read_is_refused(six: Solver) -> None:
    with pytest.raises(WrongGridSize, match="36 are expected"):
        six.solve("123")
    with pytest.raises(ContradictoryGivens):
        six.solve("11" + "." * 34)


def test_boards_of_other_kinds() -> None:
    maze = maze_of(2, 3)
    assert plain(maze, parse(maze, "S #ooG")) == "S   \u2588\u2588\n\u2022 \u2022 G "
    assert plain(arc.SPEC, arc.encode(np.array([[1, 0], [9, 3]], np.uint8))) == "1 0\n9 3"


def test_a_model_is_found_by_name_or_folder(six: Solver, learned: Path) -> None:
    assert trm.load(learned, "cpu").config == trm.load(str(learned.parent), "cpu").config
    with pytest.raises(UnknownModel, match="Shipped: maze, sudoku, sudoku-6x6"):
        trm.load("sudoku-7x7")


def test_evaluating_says_how_many_are_right(six: Solver, learned: Path) -> None:
    result = trm.evaluate(six, limit=20, effort=trm.Effort(halt_threshold=0.5))
    assert (result.n, result.effort) == (20, {"halt_threshold": 0.5})
    assert result.exact_accuracy is not None
    assert result.interval is not None
    assert result.interval[0] <= result.exact_accuracy <= result.interval[1]
    assert str(result).startswith(f"{result.exact_accuracy:.2%} of 20 puzzles exactly right")
    with pytest.raises(ConfigError, match="solves 6x6 sudoku; sudoku-4x4 is something else"):
        trm.evaluate(six, "sudoku-4x4")


def test_a_model_of_every_size_is_evaluated_on_any(tmp_path: Path) -> None:
    any_size = trm.load("sudoku", "cpu")
    assert trm.evaluate(any_size, "sudoku-6x6", limit=8, effort=SEARCH).exact_accuracy == 1.0
    table = tmp_path / "own.csv"
    table.write_text("question,answer\n...4....2....4.3,3214413223411423\n")
    assert trm.evaluate(any_size, table, effort=SEARCH).exact_accuracy == 1.0


@pytest.mark.training
def test_training_gives_a_finished_run(tmp_path: Path) -> None:
    seen: list[Event] = []
    run = trm.train("sudoku-4x4", out=tmp_path / "run", on_event=seen.append, steps=4, hidden_size=16, test_puzzles=8)
    assert (run.steps, run.config.model.hidden_size, run.checkpoint) == (4, 16, tmp_path / "run" / "step_00000004")
    assert isinstance(seen[-1], Finished)
    assert run.evaluations[-1].exact_accuracy == run.exact_accuracy
    assert str(run).startswith("sudoku-4x4 on sudoku-4x4: 4 steps")
    assert len(run.solver("cpu").solve("...4....2....4.3").answer) == 16


def examples(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def shortened(code: str) -> str:
    """The same with a training of 10 updates and tests of 8 puzzles, since what is tested is that the example runs."""
    for steps, few in (("steps=", "{}="), ('"train.steps": ', '"train.{}": ')):
        less = ", ".join(f"{few.format(name)}8" for name in ("test_puzzles", "evaluate_puzzles"))
        code = re.sub(rf"{re.escape(steps)}\d+", f"{steps}10, {less}", code)
    return code


@pytest.mark.training
def test_the_example_of_the_readme_has_six_lines_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [code] = examples("README.md")
    assert len([line for line in code.splitlines() if line]) <= 6
    monkeypatch.chdir(tmp_path)
    exec(shortened(code), {})
    printed = capsys.readouterr().out
    assert " 1 9 6 | 3 8 7 | 2 4 5\n" in printed
    assert "sudoku-4x4 on sudoku-4x4: 10 steps" in printed
    assert [folder.name for folder in tmp_path.iterdir()] == ["runs"]


@pytest.mark.slow
@pytest.mark.parametrize("page", ["docs/how-to/library.md"])
def test_the_examples_of_the_documents_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for code in examples(page):
        exec(shortened(code), {})


def test_a_setting_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOverride, match="no setting 'stepz'"):
        trm.train(out=tmp_path, stepz=3)
