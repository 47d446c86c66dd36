"""Puzzles and tables in the forms in which people have them: read alike everywhere, or refused with the place that is wrong."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trm.errors import DatasetError, PuzzleError, UnknownDataset, UnknownSymbol, WrongGridSize
from trm.puzzles import grids
from trm.puzzles.datasets.datasets import load, save_dataset, spec_of, splits_of
from trm.puzzles.maze import spec_for as maze_spec
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.reading.rows import rows_of
from trm.puzzles.reading.text import open_text
from trm.puzzles.rules import check
from trm.puzzles.spec import Kind
from trm.puzzles.sudoku import spec_for
from trm.puzzles.symmetries.symmetry import random_symmetry
from trm.puzzles.tables import read_table

QUESTION, ANSWER = "1.3.3.1.2.4...2.", "1234341221434321"
ROW = f"{QUESTION},{ANSWER}\n"
TABLE = f"question,answer\n{ROW}"
UNIQUE = "...4....2....4.3"
LINES = "1.3.\n3.1.\n2.4.\n..2.\n"
HEX = "0123456789ABCDEF"
BOARD = [[HEX[(4 * (r % 4) + r // 4 + c) % 16] for c in range(16)] for r in range(16)]
SOLVED = "".join("".join(row) for row in BOARD)
ASKED = "".join(cell if i % 3 else "." for i, cell in enumerate(SOLVED))


def read(content: str | bytes, kind: Kind | None = None) -> PuzzleSet:
    return read_table(io.BytesIO(content if isinstance(content, bytes) else content.encode()), kind=kind)


def refused(content: str | bytes, kind: Kind | None = None) -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        read(content, kind)
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        TABLE,
        *(TABLE.replace(",", separator) for separator in ";\t|"),
        *(f"{header}\n{ROW}" for header in ("quizzes,solutions", "Puzzle,Solution", " QUESTION , Answer ")),
        f"sep=;\n{TABLE.replace(',', ';')}",
        *(TABLE.encode(encoding) for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")),
        TABLE.replace("\n", "\r\n"),
        f"id,puzzle,solution,clues\n7,{ROW[:-1]},8\n",
        gzip.compress(TABLE.encode(), mtime=0),
        json.dumps([{"question": QUESTION, "answer": ANSWER}]),
        json.dumps({"puzzle": QUESTION, "Solution": ANSWER}, indent=2),
        json.dumps({"question": [[1, None, 3, 0], [3, "", 1, "."], ["2", 0, 4, 0], [0, 0, 2, 0]], "answer": ANSWER}),
        'question,answer\n"[[1,0,3,0],[3,0,1,0],[2,0,4,0],[0,0,2,0]]",' + ANSWER,
        'question,answer\n"[[1, None, 3, 0], [3, 0, 1, 0], [2, 0, 4, 0], [0, 0, 2, 0]]",' + ANSWER,
        f"question,answer\n {QUESTION}, {ANSWER}\n",
    ],
)
def test_tables_are_read_in_the_common_forms(content: str | bytes) -> None:
    puzzles = read(content)
    assert (puzzles.spec, len(puzzles)) == (spec_for(4), 1)
    assert grids.text(puzzles.spec, puzzles.questions[0]) == QUESTION
    assert grids.text(puzzles.spec, puzzles.answers[0]) == ANSWER


@pytest.mark.parametrize(
    "form",
    [
        "1*3*3*1*2*4***2*",
        "1-3-3-1-2-4---2-",
        "1x3x3x1x2x4xxx2x",
        "1 3 3 1 2 4   2 ",
        "1 3 3 1 2 4   2",
        "1 3\n3 1\n2 4\n  2",
        "1,,3,,3,,1,,2,,4,,,,2,",
        "1;0;3;0\n3;0;1;0\n2;0;4;0\n0;0;2;0",
        "1 0 3 0\n3 0 1 0\n2 0 4 0\n0 0 2 0",
        "\ufeff1.3.\r\n3.1.\r\n2.4.\r\n..2.\r\n",
        "[[1,0,3,0],[3,0,1,0],[2,0,4,0],[0,0,2,0]]",
        "+--+--+\n|1 .|3 .|\n|3 .|1 .|\n+--+--+\n|2 .|4 .|\n|. .|2 .|\n+--+--+",
        "*-----*\n|1.|3.|\n|3.|1.|\n|--+--|\n|2.|4.|\n|..|2.|\n*-----*\n",
        "┌──┬──┐\n│1.│3.│\n│3.│1.│\n├──┼──┤\n│2.│4.│\n│..│2.│\n└──┴──┘",
        f"#A an author\n#D a board\n[Puzzle]\n{LINES}[State]\n{LINES}",
    ],
)
def test_a_sudoku_is_read_however_it_is_drawn(form: str) -> None:
    assert grids.text(spec_for(4), grids.parse(spec_for(4), form)) == QUESTION


@pytest.mark.parametrize(
    "content",
    [
        f"{UNIQUE}\n{UNIQUE.replace('.', '0')}\n",
        "[Puzzle]\n...4\n....\n2...\n.4.3\n",
        "|..|.4|\n|..|..|\n|--+--|\n|2.|..|\n|.4|.3|",
    ],
)
def test_boards_without_answers_are_answered_by_search(content: str) -> None:
    puzzles = read(content)
    assert {grids.text(puzzles.spec, answer) for answer in puzzles.answers} == {"3214413223411423"}
    ambiguous = refused(f"{QUESTION}\n{UNIQUE}\n")
    assert [(p.row, p.code) for p in ambiguous.problems] == [(1, "puzzle_multiple_solutions")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a;b\n1;2\n", "'a', 'b', separated by semicolon"),
        ('{"quest": 1}', "found: 'quest'"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git-lfs pointer"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"<!DOCTYPE html><html>", "web page"),
        (gzip.compress(gzip.compress(TABLE.encode(), mtime=0), mtime=0), "compressed twice"),
        (TABLE.encode() + b"\xe9", "neither UTF-8 nor UTF-16"),
        ('{"question": NaN}', "NaN is no JSON"),
        ("question,answer\n1,2,3,4\n", "Row 1: the row has 4 columns, the header 2"),
        ("x" * (1 << 20), "Line 1 has"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_named(content: str | bytes, words: str) -> None:
    assert words in str(refused(content))


@pytest.mark.parametrize(
    ("cell", "shown"), [(1.0, "1.0"), (True, "true"), ([1], "[1]"), ({"a": 1}, '{"a": 1}'), ("ab", '"ab"'), ("01", '"01"')]
)  # fmt: skip
@pytest.mark.parametrize("kind", ["grid", "sudoku", "maze"])
def test_a_cell_is_an_integer_or_one_character(kind: Kind, cell: object, shown: str) -> None:
    good = [[0, 1, 0, 1]] * 4
    rows = [{"question": good, "answer": good}, {"question": [*good[:3], [0, 1, cell, 1]], "answer": good}]
    problems = refused("\n".join(map(json.dumps, rows)), kind).problems
    assert any(p.row == 2 and f"Row 4, column 3 holds {shown}" in p.message for p in problems)


def test_null_is_a_blank_of_sudokus_and_no_symbol_of_grids() -> None:
    [problem] = refused(json.dumps({"question": [[0, 1], [1, None]], "answer": [[0, 1], [1, 0]]}), kind="grid").problems
    assert "Row 2, column 2 holds nothing" in problem.message


@pytest.mark.parametrize("content", ['question,answer\n"[1, 2",12\n', "question,answer\n[1 2],12\n"])
def test_a_broken_list_is_no_row_of_symbols(content: str) -> None:
    assert "neither JSON nor Python" in refused(content, kind="grid").problems[0].message


@pytest.mark.parametrize("alphabet", [HEX, "123456789ABCDEFG", "ABCDEFGHIJKLMNOP"])
@pytest.mark.parametrize("lower", [False, True])
def test_a_large_sudoku_keeps_its_own_digits(alphabet: str, lower: bool) -> None:
    digits = str.maketrans(HEX, alphabet.lower() if lower else alphabet)
    puzzles = read(f"question,answer\n{ASKED.translate(digits)},{SOLVED.translate(digits)}\n")
    assert puzzles.spec.symbols == (".", *alphabet)
    assert grids.text(puzzles.spec, puzzles.questions[0]) == ASKED.translate(str.maketrans(HEX, alphabet))


@pytest.mark.parametrize("first", [0, 1])
def test_a_large_sudoku_may_be_written_in_numbers(first: int) -> None:
    answer = [[HEX.index(cell) + first for cell in row] for row in BOARD]
    question = [
        [cell if (r + c) % 3 else (None, 0)[first] for c, cell in enumerate(row)] for r, row in enumerate(answer)
    ]
    puzzles = read(json.dumps({"question": question, "answer": answer}))
    assert puzzles.spec.symbols == (".", *(HEX, "123456789ABCDEFG")[first])
    blank = (None, 0)[first]
    assert (puzzles.questions[0] == 1).sum() == sum(row.count(blank) for row in question)
    if first:
        flat = [" ".join(str(cell) for row in board for cell in row) for board in (question, answer)]
        assert np.array_equal(read(f"question,answer\n{flat[0]},{flat[1]}\n").questions, puzzles.questions)


def test_a_given_0_is_never_erased() -> None:
    with pytest.raises(UnknownSymbol, match=r"Row 1, column 1 holds '0' beside '\.'.*1-9A-G"):
        grids.parse(spec_for(16), HEX + "." * 240)
    assert grids.parse(spec_for(16), "g" + "0" * 255).tolist() == [17, *[1] * 255]
    zero_based = spec_for(16).model_copy(update={"symbols": (".", *HEX)})
    assert grids.text(zero_based, grids.parse(zero_based, HEX.lower() + "." * 240)) == HEX + "." * 240
    with pytest.raises(UnknownSymbol, match=r"column 16 holds 'G'.*0-9A-F"):
        grids.parse(zero_based, "123456789ABCDEFG" + "." * 240)


def test_the_boxes_are_those_of_most_answers_in_any_order() -> None:
    both = "123456465123352614614235236541541362"  # obeys boxes of 2x3 and of 3x2
    for box in ((2, 3), (3, 2)):
        assert check(spec_for(6, box), *[grids.parse(spec_for(6, box), both)] * 2)
    tall = "".join(str((2 * (r % 3) + r // 3 + c) % 6 + 1) for r in range(6) for c in range(6))
    rows = [f"{both},{both}\n", *(f"{tall[:i]}{'.' * (36 - i)},{tall}\n" for i in (36, 30, 20))]
    for order in (rows, rows[::-1]):
        assert read("question,answer\n" + "".join(order)).spec.box == (3, 2)


@pytest.mark.parametrize("bad", [0, 2])
def test_one_bad_row_decides_nothing_for_the_others(bad: int) -> None:
    rows = [ROW] * 3
    rows[bad] = f"{QUESTION}..,{ANSWER}\n"
    error = refused("question,answer\n" + "".join(rows))
    assert str(error).startswith("1 of 3 rows")
    assert [p.row for p in error.problems] == [bad + 1]


@pytest.mark.parametrize("row", [f"{QUESTION},{ANSWER}", '"S #\n  G","So#\n oG"'])
def test_one_bad_row_does_not_change_the_kind(row: str) -> None:
    bad = row.replace("1.3", "y.3").replace("S #", "Sy#")
    assert [p.row for p in refused(f"question,answer\n{row}\n{bad}\n{row}\n").problems] == [2]


def test_a_row_that_is_wrong_twice_is_counted_once() -> None:
    error = refused("question,answer\n1.3.3.1.2.4...2y,1234341221434y21\n", kind="sudoku")
    assert str(error) == "1 of 1 rows cannot be used."


def test_ratings_stay_where_they_are_and_what_is_dropped_is_said(tmp_path: Path) -> None:
    rows = "".join(f"{ROW[:-1]},{rating}\n" for rating in ("7", "", "hard", "9.5"))
    puzzles = read(f"question,answer,rating\n{rows}")
    assert puzzles.ratings is not None
    assert [None if np.isnan(r) else r for r in puzzles.ratings] == [7, None, None, 9.5]
    assert "row 3" in puzzles.remarks[0]
    save_dataset(tmp_path / "mine", "mine", {"train": puzzles, "test": puzzles})
    assert np.array_equal(load(tmp_path / "mine", "train").ratings, puzzles.ratings, equal_nan=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ([["S", " ", "G"]], [["S", "o", "G"]], "SoG"),
        (["S01", "00E"], ["So1", "0oE"], "So# oG"),
        (["S01", "00E"], ["S*1", "0*E"], "So# oG"),
        ("S X\n  E", "SoX\n oE", "So# oG"),
        ("S #\n  X", "So#\n oX", "So# oG"),
        ("S #\n  G", "S.#\n .G", "So# oG"),
        ("S 0 1\n0 0 G", "S o 1\n0 o G", "So# oG"),
        ("S#\n  \n#G", "S#\noo\n#G", "S#oo#G"),
        ("#S\nG", "#S\nGo", "#SGo"),
    ],
)
def test_mazes_are_read_by_the_marks_that_occur_in_them(question: object, answer: object, expected: str) -> None:
    puzzles = read(json.dumps({"question": question, "answer": answer}))
    assert puzzles.spec.kind == "maze"
    assert grids.text(puzzles.spec, puzzles.answers[0]) == expected


def test_separators_are_no_symbols() -> None:
    puzzles = read('question,answer\n"0 1 2\n3 1 2","1 1 1\n2 2 2"\n', kind="grid")
    assert (puzzles.spec.symbols, puzzles.spec.rows, puzzles.spec.cols) == (("0", "1", "2", "3"), 2, 3)
    assert "no symbol" in puzzles.remarks[0]
    words = read('question,answer\n"0,1,2\n3,1,2","1,1,1\n2,2,12"\n', kind="grid")
    assert words.spec.symbols == ("0", "1", "12", "2", "3")


def test_a_kind_that_does_not_fit_is_told_with_one_that_does() -> None:
    five = json.dumps({"question": [[1, 2, 3, 4, 5]] * 5, "answer": [[1, 2, 3, 4, 5]] * 5})
    assert "no 5x5 Sudoku" in str(refused(five, kind="sudoku"))
    assert "kind=grid takes it" in str(refused(five, kind="sudoku"))
    assert read(five).spec.kind == "grid"
    assert "kind=maze" in str(refused(json.dumps({"question": "S \n G", "answer": "So\n G"}), kind="sudoku"))


def test_rows_in_lines_are_not_taken_for_another_shape() -> None:
    with pytest.raises(WrongGridSize, match="A row has 3 cells; 2"):
        grids.parse(maze_spec(3, 2), "S #\n  G")
    with pytest.raises(PuzzleError, match="Row 2 has 2 cells, row 1 has 3"):
        grids.parse(maze_spec(2, 3), [["S", " ", "G"], ["#", "#"]])


def test_rows_come_one_by_one_as_the_text_is_read() -> None:
    class Endless(io.RawIOBase):
        """A file that goes on forever."""

        def __init__(self) -> None:
            self.head = TABLE.encode()

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:  # noqa: ANN401
            piece = (self.head or ROW.encode() * 100)[: len(buffer)]
            self.head = self.head[len(piece) :]
            buffer[: len(piece)] = piece
            return len(piece)

    with open_text(io.BufferedReader(Endless())) as text:
        rows = rows_of(text)
        assert [next(rows).answer for _ in range(3)] == [ANSWER] * 3


def test_a_table_is_a_data_set_by_itself(tmp_path: Path) -> None:
    puzzles = load("sudoku-6x6", "test").take(50)
    pairs = zip(puzzles.questions, puzzles.answers, strict=True)
    lines = [f"{grids.text(puzzles.spec, q)};{grids.text(puzzles.spec, a)}\n" for q, a in pairs]
    (tmp_path / "own.csv").write_text("quiz;solution\n" + "".join(lines))
    assert (spec_of(tmp_path / "own.csv"), splits_of(tmp_path / "own.csv")) == (spec_for(6), ("train", "test"))
    train, test = (load(tmp_path / "own.csv", split) for split in ("train", "test"))
    assert len(train) + len(test) == 50
    assert len(test) > 0


def official(folder: Path, puzzles: PuzzleSet, copies: int) -> None:
    """What the official build script writes for these puzzles, each followed by augmented copies."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
        sides: list[list[np.ndarray[Any, Any]]] = [[], []]
        for question, answer in zip(puzzles.questions, puzzles.answers, strict=True):
            for symmetry in [None, *(random_symmetry(puzzles.spec, rng) for _ in range(copies))]:
                for side, grid in zip(sides, (question, answer), strict=True):
                    side.append(grid if symmetry is None else symmetry.apply(grid))
        count = len(sides[0])
        arrays: dict[str, np.ndarray[Any, Any]] = {
            "inputs": np.stack(sides[0]).astype(np.uint8),
            "labels": np.stack(sides[1]).astype(np.uint8),
            "puzzle_identifiers": np.zeros(count, np.int32),
            "puzzle_indices": np.arange(count + 1),
            "group_indices": np.arange(0, count + 1, copies + 1),
        }
        for name, array in arrays.items():
            np.save(folder / split / f"all__{name}.npy", np.asarray(array))
        manifest = {"seq_len": puzzles.spec.cells, "vocab_size": puzzles.spec.vocab_size, "pad_id": 0, "sets": ["all"]}
        (folder / split / "dataset.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("name", ["sudoku-hard", "maze-hard"])
def test_the_official_build_is_read_without_its_augmented_copies(name: str, tmp_path: Path) -> None:
    puzzles = load(name, "test").take(4)
    official(tmp_path / "official", puzzles, copies=2 if name == "sudoku-hard" else 0)
    read_back = load(tmp_path / "official", "train")
    assert (spec_of(tmp_path / "official"), splits_of(tmp_path / "official")) == (puzzles.spec, ("train", "test"))
    assert np.array_equal(read_back.questions, puzzles.questions)
    assert np.array_equal(read_back.answers, puzzles.answers)


def test_a_part_of_an_official_build_and_a_damaged_manifest_are_named(tmp_path: Path) -> None:
    official(tmp_path / "official", load("sudoku-hard", "test").take(2), copies=0)
    with pytest.raises(DatasetError, match=r"train.dataset\.json belongs to one split.*Give the folder above"):
        spec_of(tmp_path / "official" / "train")
    (tmp_path / "official" / "train" / "all__inputs.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DatasetError, match=r"all__inputs\.npy cannot be read"):
        load(tmp_path / "official", "train")
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "dataset.json").write_text('{"name": "cut", "spec": {"kind"')
    with pytest.raises(DatasetError, match=r"cut.dataset\.json is damaged"):
        spec_of(tmp_path / "cut")


def test_a_folder_of_tables_is_a_data_set(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_text(json.dumps({"question": UNIQUE, "answer": "3214413223411423"}))
    assert (spec_of(tmp_path), splits_of(tmp_path)) == (spec_for(4), ("train", "test"))
    assert len(load(tmp_path, "test")) == 1


def test_a_folder_of_anything_else_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(DatasetError, match="holds no data set: neither"):
        spec_of(tmp_path)
    with pytest.raises(UnknownDataset, match="no data set, file or folder"):
        spec_of(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (9, " ".join(["12345678"] * 9)),  # a digit of each row is missing: no blank cells
        (9, "\n".join(["12345678"] * 9)),
        (4, "1234 3412 2143 432"),
    ],
)
def test_missing_digits_are_not_filled_in_as_blanks(size: int, text: str) -> None:
    with pytest.raises(WrongGridSize):
        grids.parse(spec_for(size), text)


def test_a_maze_that_is_cut_is_not_filled_up() -> None:
    maze = load("maze-hard", "test")
    text = grids.text(maze.spec, maze.questions[0])
    stripped = text[:-1].rstrip() if text.endswith(" ") else text
    assert np.array_equal(grids.parse(maze.spec, stripped), maze.questions[0])
    with pytest.raises(WrongGridSize):
        grids.parse(maze.spec, text[:400])


def test_arrays_are_read_as_lists_are() -> None:
    board = np.array([[1, 0, 3, 0], [3, 0, 1, 0], [2, 0, 4, 0], [0, 0, 2, 0]])
    assert grids.text(spec_for(4), grids.parse(spec_for(4), board)) == QUESTION
    assert grids.text(spec_for(4), grids.parse(spec_for(4), [list(row) for row in board])) == QUESTION
