"""Jigsaw Sudokus, and grids whose data set states its rules: read, checked, searched, drawn and kept."""

import io
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from trm.config.model import ModelConfig
from trm.errors import ConfigError, DatasetError, WrongGridSize
from trm.interface.effort import Effort
from trm.puzzles import grids
from trm.puzzles.datasets.audit import audit
from trm.puzzles.datasets.datasets import load, save_dataset, spec_of
from trm.puzzles.drawing.picture import svg
from trm.puzzles.drawing.render import plain
from trm.puzzles.equivalence import classes
from trm.puzzles.generate import Pair, full_grid, generate, thin_out
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.regions import name_regions
from trm.puzzles.rules import check, check_many, conflicts
from trm.puzzles.search import require_unique, solutions
from trm.puzzles.spec import DeclaredRules, PuzzleSpec
from trm.puzzles.sudoku import BLANK, jigsaw_spec, spec_for
from trm.puzzles.symmetries.symmetry import random_symmetry, views
from trm.puzzles.tables import read_table
from trm.puzzles.violations import violations

FIVE = """
a a b b b
a a a b b
c c c d d
c e e d d
c e e e d
"""
SIX = "aaabbb aacbbb acccdd eccddd eeeffd eeffff"
NINE = "111222333111222333111222333444555666444555666444555666777888999777888999777888999"
SPECS = (jigsaw_spec(5, FIVE), jigsaw_spec(6, SIX), jigsaw_spec(9, NINE))


@cache
def pairs(spec: PuzzleSpec) -> list[Pair]:
    """Three questions with their answers."""
    return list(generate(spec.rows, 3, seed=5, regions=spec.regions))


def table(rows: Sequence[Mapping[str, object]]) -> io.BytesIO:
    return io.BytesIO("".join(json.dumps(row) + "\n" for row in rows).encode())


@pytest.mark.parametrize("spec", SPECS, ids=("5x5", "6x6", "9x9"))
@given(seed=st.integers(0, 2**31), pair=st.integers(0, 2), cell=st.integers(0, 24), shift=st.integers(1, 4))
@settings(deadline=None, max_examples=20)
def test_the_checker_accepts_solutions_and_refuses_any_changed_cell(
    spec: PuzzleSpec, seed: int, pair: int, cell: int, shift: int
) -> None:
    symmetry = random_symmetry(spec, np.random.default_rng(seed))
    question, answer = (symmetry.apply(grid) for grid in pairs(spec)[pair])
    assert check(spec, question, answer) is True
    assert violations(spec, question, answer) == []
    assert [found.tolist() for found in solutions(spec, question)] == [answer.tolist()]
    changed = answer.copy()
    changed[cell] = 2 + (changed[cell] - 2 + shift) % spec.rows
    assert check(spec, question, changed) is False
    assert violations(spec, question, changed)
    assert conflicts(spec, changed)


def test_regions_of_boxes_are_the_sudoku_that_has_boxes() -> None:
    question, answer = pairs(SPECS[2])[0]
    drawn = np.random.default_rng(3).integers(0, 10, (200, 81)).astype(np.int32)
    grids_ = np.concatenate((drawn, answer[None]))
    asked = np.where(grids_ == answer, question, BLANK)
    verdicts = [check_many(spec, asked, grids_) for spec in (spec_for(9), SPECS[2])]
    assert [verdict is not None and verdict.tolist() for verdict in verdicts] == [[False] * 200 + [True]] * 2


def test_a_region_that_holds_a_digit_twice_is_named() -> None:
    spec = SPECS[0]
    # a Latin square: rows and columns are right, regions are not
    latin = np.array([[(row + col) % 5 + 2 for col in range(5)] for row in range(5)], dtype=np.int32).ravel()
    found = violations(spec, np.full(25, BLANK, np.int32), latin)
    assert {one.rule for one in found} == {"region"}
    assert "times in region" in found[0].sentence
    assert all(len({spec.regions[cell] for cell in one.cells}) == 1 for one in found if spec.regions)


@pytest.mark.parametrize("form", ["{q}{r}", "{q}\n{r}", "{lines}\n\n{regions}"])
def test_a_jigsaw_is_read_from_its_cells_and_its_regions(form: str) -> None:
    spec = SPECS[1]
    question, answer = (grids.text(spec, grid) for grid in pairs(spec)[0])
    letters = SIX.replace(" ", "")
    lines, regions = ("\n".join(text[i : i + 6] for i in range(0, 36, 6)) for text in (question, letters))
    written = form.format(q=question, r=letters, lines=lines, regions=regions)
    read = read_table(table([{"puzzle": written, "solution": answer}] * 2))
    assert read.spec == spec
    assert grids.text(spec, read.questions[0]) == question
    assert grids.resize(spec_for(9), written) == spec
    assert grids.parse(spec, written).tolist() == read.questions[0].tolist()


def test_a_column_or_declared_rules_give_the_regions_too() -> None:
    spec = SPECS[1]
    rows = [dict(zip(("question", "answer"), (grids.text(spec, g) for g in pair), strict=True)) for pair in pairs(spec)]
    assert read_table(table([{**row, "regions": SIX} for row in rows]), kind="sudoku").spec == spec
    assert read_table(table(rows), kind="sudoku", rules=DeclaredRules(regions=SIX)).spec == spec
    with pytest.raises(DatasetError, match="of 3 rows hold an answer that is not one"):
        read_table(table(rows), kind="sudoku")


def test_files_of_jigsaws_without_answers_are_answered_by_search(tmp_path: Path) -> None:
    spec = SPECS[1]
    letters = SIX.replace(" ", "")
    file = tmp_path / "jigsaws.sdm"
    file.write_text("".join(f"{grids.text(spec, question)}{letters}\n" for question, _ in pairs(spec)))
    read = read_table(file)
    assert read.spec == spec
    assert read.answers.tolist() == [answer.tolist() for _, answer in pairs(spec)]


def test_regions_that_are_none_or_differ_are_refused() -> None:
    question, answer = (grids.text(SPECS[1], grid) for grid in pairs(SPECS[1])[0])
    wrong = SIX.replace(" ", "").replace("f", "e")
    with pytest.raises(WrongGridSize, match="does not name 6 regions of 6 cells each"):
        grids.parse(SPECS[1], question + wrong)
    turned = SIX.replace(" ", "")[::-1]
    with pytest.raises(WrongGridSize, match="jigsaw with regions of its own"):
        grids.parse(SPECS[1], question + turned)
    rows: list[dict[str, object]] = [{"question": question, "answer": answer, "regions": r} for r in (SIX, turned)]
    with pytest.raises(DatasetError, match="regions of row 1 and row 2 differ"):
        read_table(table(rows), kind="sudoku")


def test_drawings_show_the_borders_of_regions() -> None:
    spec = SPECS[0]
    shown = plain(spec, pairs(spec)[0][1])
    assert len(shown.splitlines()) == 9
    assert shown.splitlines()[0].count("|") == 1
    assert '<path d="' in svg(spec, pairs(spec)[0][1])


def test_symmetries_keep_the_regions() -> None:
    boxed = SPECS[2]
    orders = [{tuple(view.cells) for view in views(spec, 40, 0)} for spec in (boxed, SPECS[0])]
    assert len(orders[0]) == 8  # a square of squares may be turned and reflected
    assert len(orders[1]) < 8
    question, answer = pairs(SPECS[1])[0]
    images = [random_symmetry(SPECS[1], np.random.default_rng(i)) for i in range(4)]
    questions, answers = (np.stack([image.apply(grid) for image in images]) for grid in (question, answer))
    numbered = classes(SPECS[1], questions, answers)
    assert numbered.meaning == "exact"
    assert len(set(numbered.numbers.tolist())) == 1


# --- grids with declared rules


def latin(symbols: str, blank: str = "_") -> PuzzleSpec:
    size = len(symbols)
    rules = DeclaredRules(rows=True, columns=True, blank=blank)
    return PuzzleSpec(kind="grid", rows=size, cols=size, symbols=tuple(sorted(symbols + blank)), rules=rules)


LATIN = latin("abcd")


def latin_pairs(count: int) -> list[tuple[str, str]]:
    rng = np.random.default_rng(1)
    found = []
    for _ in range(count):
        rows, cols, names = (rng.permutation(4) for _ in range(3))
        grid = [["abcd"[names[(r + c) % 4]] for c in cols] for r in rows]
        answer = "".join(cell for row in grid for cell in row)
        blanks = set(rng.permutation(16)[:5].tolist())
        found.append(("".join("_" if i in blanks else c for i, c in enumerate(answer)), answer))
    return found


def test_rules_of_a_grid_are_checked_row_by_row_and_kept_on_disk(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"question": q, "answer": a} for q, a in latin_pairs(30)]
    (tmp_path / "own.jsonl").write_text(table(rows).read().decode())
    (tmp_path / "own.rules.json").write_text('{"rows": true, "columns": true}')
    read = read_table(tmp_path / "own.jsonl")
    assert read.spec == LATIN  # the blank is the symbol that occurs in questions only
    assert spec_of(tmp_path / "own.jsonl") == LATIN
    save_dataset(tmp_path / "saved", "saved", {"train": read, "test": read.take(3)})
    assert json.loads((tmp_path / "saved" / "dataset.json").read_text())["spec"]["rules"]["blank"] == "_"
    again = load(tmp_path / "saved", "train")
    assert again.spec == LATIN
    assert again.answers.tolist() == read.answers.tolist()

    rows[4]["answer"] = str(rows[4]["answer"])[::-1][:15] + "a"
    with pytest.raises(DatasetError, match="1 of 30 rows") as caught:
        read_table(table(rows), kind="grid", rules=DeclaredRules(rows=True, columns=True))
    assert [problem.row for problem in caught.value.problems] == [5]


def test_without_rules_a_grid_has_none() -> None:
    read = read_table(table([{"question": q, "answer": a} for q, a in latin_pairs(30)]), kind="grid")
    assert read.spec.rules is None
    assert check_many(read.spec, read.questions, read.answers) is None
    with pytest.raises(ConfigError, match="have no rules to verify by"):
        Effort(until_verified=True).require_possible(read.spec, ModelConfig())
    Effort(until_verified=True).require_possible(LATIN, ModelConfig())


def test_a_changed_given_a_blank_and_a_repeated_symbol_are_told() -> None:
    question, answer = (grids.parse(LATIN, text) for text in ("ab__" + "_" * 12, "abcdbadccdabdcba"))
    assert check(LATIN, question, answer) is True
    told = violations(LATIN, question, grids.parse(LATIN, "bbcdbadccdabdc_a"))
    assert [(one.rule, one.cells) for one in told][:3] == [("given", (0,)), ("blank", (14,)), ("row", (0, 1))]
    assert told[2].sentence == "The symbol 'b' stands 2 times in row 1."


def test_answers_of_grids_with_rules_are_searched_for() -> None:
    pairs = latin_pairs(30)
    unique = [q for q, _ in pairs if len(solutions(LATIN, grids.parse(LATIN, q))) == 1]
    rules = DeclaredRules(rows=True, columns=True, blank="_")
    read = read_table(table([{"question": q} for q in unique]), kind="grid", rules=rules)
    assert [grids.text(LATIN, answer) for answer in read.answers] == [a for q, a in pairs if q in unique]
    assert require_unique(LATIN, read.questions[0]).tolist() == read.answers[0].tolist()
    report = audit(read, read.take(2))
    assert report.test.searched == 2
    assert report.test.ambiguous == ()


def test_rules_may_name_parts_of_a_rectangle_and_more_symbols_than_cells() -> None:
    rules = DeclaredRules(regions="AA. BB.", blank="-")
    spec = PuzzleSpec(kind="grid", rows=2, cols=3, symbols=tuple("-xyz"), rules=rules)
    blank = grids.parse(spec, "------")
    assert check(spec, blank, grids.parse(spec, "xyxxyx")) is True
    assert check(spec, blank, grids.parse(spec, "xxyzxy")) is False
    assert len(solutions(spec, blank, limit=1000)) == (3 * 2) ** 2 * 3**2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "no rule is stated"),
        ({"rows": True, "regions": "AAB"}, "3 region letters for 16 cells"),
        ({"rows": True, "blank": "!"}, "none of the symbols"),
        ({"regions": "A" * 5 + "B" * 11}, "11 cells cannot hold different symbols: there are 5"),
        ({"rows": 1, "colums": True}, "colums"),
    ],
)
def test_rules_that_cannot_be_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PuzzleSpec(kind="grid", rows=4, cols=4, symbols=tuple("abcd_"), rules=DeclaredRules.model_validate(fields))


@given(st.text(alphabet="abcxyz.0189", min_size=1, max_size=40))
def test_regions_are_named_alike_however_they_are_written(given_: str) -> None:
    named = name_regions(given_)
    assert name_regions(named) == named
    assert [a == b for a in named for b in named] == [a == b for a in given_ for b in given_]


def test_generated_jigsaws_of_other_seeds_have_one_answer() -> None:
    spec, rng = SPECS[0], np.random.default_rng(9)
    answer = full_grid(spec, rng)
    question = thin_out(spec, answer, rng, 0)
    assert require_unique(spec, question).tolist() == answer.tolist()
    assert (question > BLANK).sum() < 13


def test_a_set_of_jigsaws_is_saved_with_its_regions(tmp_path: Path) -> None:
    spec = SPECS[1]
    questions, answers = (np.stack(part) for part in zip(*pairs(spec), strict=True))
    save_dataset(tmp_path / "jig", "jig", {"train": PuzzleSet(spec, questions, answers)})
    assert load(tmp_path / "jig", "train").spec == spec


def test_rules_beside_the_tables_of_a_folder_are_those_of_all(tmp_path: Path) -> None:
    for split, count in (("train", 24), ("test", 6)):
        rows = [{"question": q, "answer": a} for q, a in latin_pairs(count)]
        (tmp_path / f"{split}.jsonl").write_text(table(rows).read().decode())
    (tmp_path / "rules.json").write_text('{"rows": true, "columns": true, "blank": "_"}')
    assert spec_of(tmp_path) == LATIN
    assert load(tmp_path, "test").spec == LATIN
    (tmp_path / "rules.json").write_text('{"row": true}')
    with pytest.raises(DatasetError, match=r"rules.json cannot be used: row: "):
        load(tmp_path, "test")
