"""Tables in, puzzles out: every bad row named, nothing half-written."""

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest

from trm.errors import DatasetError, UnknownDataset
from trm.puzzles.datasets.datasets import BUILTIN, load, save_dataset, spec_of, splits_of
from trm.puzzles.equivalence import classes
from trm.puzzles.maze import solve
from trm.puzzles.puzzle_set import PuzzleSet, holdout
from trm.puzzles.symmetries.symmetry import canonical, random_symmetry
from trm.puzzles.tables import read_table, write_table

pytestmark = pytest.mark.long

QUESTION, ANSWER = "12.43.2121.343.2", "1234341221434321"
GOOD = load("sudoku-4x4", "train")


def csv_of(*rows: tuple[str, str]) -> io.BytesIO:
    return io.BytesIO(("question,answer\n" + "".join(f"{q},{a}\n" for q, a in rows)).encode())


TABLES = sorted(name for name, dataset in BUILTIN.items() if dataset.spec.kind != "arc")


@pytest.mark.parametrize("name", TABLES)
def test_built_in_data_sets_load(name: str) -> None:
    assert splits_of(name) == ("train", "validation", "test")
    for split, least in (("train", 1000), ("validation", 95), ("test", 555)):
        puzzles = load(name, split)
        assert len(puzzles) >= least
        assert puzzles.spec == spec_of(name)


def test_unknown_names_and_splits_are_refused() -> None:
    with pytest.raises(UnknownDataset, match="sudoku-4x4"):
        load("chess", "train")
    with pytest.raises(UnknownDataset, match="train, validation and test"):
        load("sudoku-4x4", "dev")
    with pytest.raises(UnknownDataset, match="sudoku-4x4"):
        splits_of("chess")


def test_a_folder_without_a_validation_split_says_so(tmp_path: Path) -> None:
    save_dataset(tmp_path / "mine", "mine", {"train": GOOD.take(8), "test": GOOD.take(2)})
    assert splits_of(tmp_path / "mine") == ("train", "test")
    with pytest.raises(UnknownDataset, match="it has train and test"):
        load(tmp_path / "mine", "validation")


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_no_puzzle_is_equivalent_to_one_of_another_split(name: str) -> None:
    splits = [load(name, split) for split in splits_of(name)]
    questions, answers = (np.concatenate([getattr(s, part) for s in splits]) for part in ("questions", "answers"))
    found = classes(spec_of(name), questions, answers)
    assert found.meaning == "exact"
    assert len(set(found.numbers.tolist())) == len(questions)


@pytest.mark.slow
def test_all_hard_sudokus_are_the_training_puzzles_that_ship() -> None:
    every = {question.tobytes() for question in load("sudoku-hard-all", "train").questions}
    for name in ("sudoku-hard", "sudoku-extreme-1k"):
        assert {question.tobytes() for question in load(name, "train").questions} <= every
    assert load("sudoku-hard-all", "test").sources == load("sudoku-hard", "test").sources
    assert len(load("sudoku-hard", "train")) == 1000


def test_the_hard_sudokus_to_choose_by_are_as_hard_as_those_to_be_judged_by() -> None:
    chosen, judged = (load("sudoku-extreme-1k", split).ratings for split in ("validation", "test"))
    assert chosen is not None
    assert judged is not None
    assert abs(chosen.mean() - judged.mean()) < 1


def test_mazes_keep_blanks_at_both_ends_of_a_line(tmp_path: Path) -> None:
    puzzles = read_table(csv_of(("   S  G  ", " ooS oGo "), (" S  #  G ", " S o#ooG ")), kind="grid")
    assert puzzles.spec.kind == "grid"
    square = read_table(csv_of((" #  S   G", " #  So  G")), kind="maze")
    assert (square.spec.rows, square.spec.cols) == (3, 3)
    oblong = read_table(
        csv_of(('" S \nG# "', '" S \nG# "'), ('"S  \n#G "', '"So \n#G "')), kind="maze", answers_required=False
    )
    assert (oblong.spec.rows, oblong.spec.cols) == (2, 3)
    save_dataset(tmp_path / "mazes", "mazes", {"train": oblong, "test": oblong})
    assert np.array_equal(
        read_table(
            tmp_path / "mazes" / "train.csv.gz", kind="maze", spec=oblong.spec, answers_required=False
        ).questions,
        oblong.questions,
    )


def test_tables_that_are_no_mazes_are_refused() -> None:
    with pytest.raises(DatasetError, match="must be square"):
        read_table(csv_of(("S G", "SoG")), kind="maze")
    with pytest.raises(DatasetError, match="rows cannot be used") as caught:
        read_table(csv_of(("S  G", "So G"), ("S  x", "So G")), kind="maze")
    assert [(p.row, p.code) for p in caught.value.problems] == [(2, "puzzle_unknown_symbol")]
    with pytest.raises(DatasetError, match=r"trm\.puzzles\.arc"):
        read_table(csv_of(("11", "11")), kind="arc")


def test_arc_is_read_elsewhere() -> None:
    for name in BUILTIN.keys() - set(TABLES):
        with pytest.raises(DatasetError, match=r"trm\.puzzles\.arc"):
            load(name, "train")


def test_the_rule_for_ties_draws_the_labels_of_maze_hard() -> None:
    for split in ("train", "test"):
        mazes = load("maze-hard", split)
        for question, answer in zip(mazes.questions, mazes.answers, strict=True):
            assert np.array_equal(solve(mazes.spec, question), answer)


def test_csv_jsonl_and_gzip_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    write_table(path, GOOD.take(5))
    lines = "\n".join(
        json.dumps(
            {
                "question": "".join(GOOD.spec.symbols[t - 1] for t in q),
                "answer": [[int(v) - 1 for v in a[i : i + 4]] for i in range(0, 16, 4)],
            }
        )
        for q, a in zip(GOOD.questions[:5], GOOD.answers[:5], strict=True)
    )
    table, jsonl = read_table(path, kind="sudoku"), read_table(io.BytesIO(lines.encode()), kind="sudoku")
    assert np.array_equal(table.questions, jsonl.questions)
    assert np.array_equal(table.answers, GOOD.answers[:5])


def test_writing_the_same_puzzles_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_table(tmp_path / name, GOOD.take(20))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_every_bad_row_is_named_by_number() -> None:
    question = "".join(GOOD.spec.symbols[t - 1] for t in GOOD.questions[0])
    answer = "".join(GOOD.spec.symbols[t - 1] for t in GOOD.answers[0])
    table = csv_of((question, answer), (question[:-1], answer), (question, "9" + answer[1:]), (question, answer))
    with pytest.raises(DatasetError, match="2 of 4 rows") as caught:
        read_table(table, kind="sudoku")
    assert [(p.row, p.code) for p in caught.value.problems] == [(2, "puzzle_wrong_size"), (3, "puzzle_unknown_symbol")]
    with pytest.raises(DatasetError, match="not one") as caught:
        read_table(csv_of((question, answer), (question, "1" * 16)), kind="sudoku")
    assert [p.row for p in caught.value.problems] == [2]


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1,2\n", b"\x1f\x8bbroken", b"\xff\xfe\x00", b'{"question": ', b"question,answer\n"]
)
def test_files_that_are_no_table_are_refused(content: bytes) -> None:
    with pytest.raises(DatasetError):
        read_table(io.BytesIO(content), kind="sudoku")


def test_grids_of_any_symbols_get_their_vocabulary_from_the_file() -> None:
    puzzles = read_table(csv_of(("# S", "#oS"), ("S #", "So#")), kind="grid")
    assert puzzles.spec.symbols == (" ", "#", "S", "o")
    assert (puzzles.spec.rows, puzzles.spec.cols) == (1, 3)


def test_a_saved_data_set_loads_again_and_replaces_nothing_by_halves(tmp_path: Path) -> None:
    save_dataset(tmp_path / "mine", "mine", {"train": GOOD.take(8), "test": GOOD.take(2)})
    assert len(load(tmp_path / "mine", "train")) == 8
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine"]


def test_holding_out_separates_equivalent_puzzles() -> None:
    doubled = GOOD.select(np.tile(np.arange(50), 2))
    train, test = holdout(doubled, 0.2)
    assert len(train) + len(test) == 100
    forms = [{canonical(p.spec, q) for q in p.questions} for p in (train, test)]
    assert not forms[0] & forms[1]


def test_no_more_is_held_out_than_asked_for_where_many_puzzles_are_equivalent() -> None:
    often = GOOD.select(np.repeat(np.arange(20), [60, *[2] * 19]))
    for seed in range(5):
        train, test = holdout(often, 0.1, seed)
        assert (len(train), len(test)) == (88, 10)
    only_large = GOOD.select(np.repeat(np.arange(2), [60, 40]))
    assert [len(part) for part in holdout(only_large, 0.1)] == [60, 40]  # at least one class, and the smaller


def test_holding_out_separates_equivalent_large_sudokus() -> None:
    puzzles, rng = load("sudoku-extreme-1k", "train").take(25), np.random.default_rng(0)
    symmetry = random_symmetry(puzzles.spec, rng)
    questions, answers = (np.concatenate((g, symmetry.apply(g))) for g in (puzzles.questions, puzzles.answers))
    train, test = holdout(PuzzleSet(puzzles.spec, questions, answers), 0.2)
    found = classes(
        puzzles.spec, np.concatenate((train.questions, test.questions)), np.concatenate((train.answers, test.answers))
    )
    assert not set(found.numbers[: len(train)].tolist()) & set(found.numbers[len(train) :].tolist())
    assert len(test) >= 10


def test_compressed_files_are_recognised_by_content() -> None:
    table = csv_of(("# S", "#oS")).getvalue()
    assert len(read_table(io.BytesIO(gzip.compress(table)), kind="grid")) == 1
