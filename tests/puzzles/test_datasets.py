"""Tables in, puzzles out: every bad row named, nothing half-written."""

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest

from trm.errors import DatasetError, UnknownDataset
from trm.puzzles.datasets import BUILTIN, holdout, load, read_table, save_dataset, spec_of, write_table
from trm.puzzles.symmetry import canonical

QUESTION, ANSWER = "12.43.2121.343.2", "1234341221434321"
GOOD = load("sudoku-4x4", "train")


def csv_of(*rows: tuple[str, str]) -> io.BytesIO:
    return io.BytesIO(("question,answer\n" + "".join(f"{q},{a}\n" for q, a in rows)).encode())


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_built_in_data_sets_load(name: str) -> None:
    for split in ("train", "test"):
        puzzles = load(name, split)
        assert len(puzzles) > 500
        assert puzzles.spec == spec_of(name)


def test_unknown_names_and_splits_are_refused() -> None:
    with pytest.raises(UnknownDataset, match="sudoku-4x4"):
        load("chess", "train")
    with pytest.raises(UnknownDataset, match="train and test"):
        load("sudoku-4x4", "validation")


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
    classes = [{canonical(p.spec, q) for q in p.questions} for p in (train, test)]
    assert not classes[0] & classes[1]


def test_compressed_files_are_recognised_by_content() -> None:
    table = csv_of(("# S", "#oS")).getvalue()
    assert len(read_table(io.BytesIO(gzip.compress(table)), kind="grid")) == 1
