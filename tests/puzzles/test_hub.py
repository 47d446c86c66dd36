"""Data sets on the hub, read from a local folder laid out as the hub's cache."""

import sys
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

from trm.errors import DatasetError, UnknownDataset
from trm.puzzles.datasets import hub
from trm.puzzles.datasets.datasets import load, spec_of, splits_of
from trm.puzzles.grids import text
from trm.puzzles.maze import spec_for as maze_spec
from trm.puzzles.sudoku import spec_for
from trm.puzzles.tables import write_table

HEX = "0123456789ABCDEF"
REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


def publish(cache: Path, name: str, **tables: str) -> None:
    """Put tables where the hub's package keeps what it has fetched."""
    folder = cache / f"datasets--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(REVISION)
    (folder / "snapshots" / REVISION).mkdir(parents=True)
    for split, content in tables.items():
        (folder / "snapshots" / REVISION / f"{split}.csv").write_text(content)


def table_of(name: str, count: int) -> str:
    puzzles = load(name, "test").take(count)
    pairs = zip(puzzles.questions, puzzles.answers, strict=True)
    lines = [f"list,{text(puzzles.spec, q)},{text(puzzles.spec, a)},7\n" for q, a in pairs]
    return "source,question,answer,rating\n" + "".join(lines)


def test_a_sudoku_table_is_read(cache: Path) -> None:
    publish(
        cache,
        "sapientinc/sudoku-extreme",
        train=table_of("sudoku-extreme-1k", 5),
        test=table_of("sudoku-extreme-1k", 3),
    )
    name = "hub:sapientinc/sudoku-extreme"
    assert spec_of(name) == spec_for(9)
    assert splits_of(name) == ("train", "test")
    assert np.array_equal(load(name, "train").answers, load("sudoku-extreme-1k", "test").answers[:5])
    assert load(name, "test").ratings.tolist() == [7] * 3  # type: ignore[union-attr]


def test_a_maze_keeps_its_blanks(cache: Path) -> None:
    publish(cache, "a/maze", train=table_of("maze-hard", 5))
    assert spec_of("hub:a/maze") == maze_spec(30, 30)
    assert np.array_equal(load("hub:a/maze", "train").questions, load("maze-hard", "test").questions[:5])


def test_a_given_0_of_a_large_sudoku_is_kept(cache: Path) -> None:
    answer = "".join(HEX[(4 * (r % 4) + r // 4 + c) % 16] for r in range(16) for c in range(16))
    question = "".join(cell if i % 3 == 0 else "." for i, cell in enumerate(answer))
    publish(cache, "a/hex", train=f"source,question,answer,rating\n,{question},{answer},\n")
    puzzles = load("hub:a/hex", "train")
    assert puzzles.spec.symbols == (".", *HEX)
    assert text(puzzles.spec, puzzles.questions[0]) == question
    assert question[0] == "0"


def test_anything_else_is_a_grid_with_the_symbols_of_the_whole_table(cache: Path) -> None:
    publish(cache, "a/b", train="source,question,answer,rating\n,abab,baba,\n,acac,caca,\n")
    assert spec_of("hub:a/b").symbols == ("a", "b", "c")
    assert spec_of("hub:a/b").kind == "grid"


def test_what_is_not_there_is_said_with_advice(cache: Path) -> None:
    publish(cache, "a/b", train=table_of("sudoku-extreme-1k", 2))
    with pytest.raises(DatasetError, match=r"test\.csv of hub:a/b could not be fetched.*HF_HUB_OFFLINE"):
        load("hub:a/b", "test")
    with pytest.raises(DatasetError, match=r"train\.csv of hub:no/where"):
        spec_of("hub:no/where")
    with pytest.raises(UnknownDataset, match="train and test"):
        load("hub:a/b", "validation")
    publish(cache, "a/empty", train="source,question,answer,rating\n")
    with pytest.raises(DatasetError, match="holds no puzzles"):
        spec_of("hub:a/empty")


@pytest.mark.parametrize("name", ["hub:", "hub:a", "hub:a/b/c", "hub:../x", "hub:a/.."])
def test_malformed_names_are_refused(name: str) -> None:
    with pytest.raises(UnknownDataset, match="hub:OWNER/NAME"):
        spec_of(name)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(DatasetError, match=r"pip install 'trm-service\[hub\]'"):
        load("hub:a/b", "train")


def test_a_local_folder_of_tables_is_not_taken_for_the_hub(tmp_path: Path) -> None:
    write_table(tmp_path / "train.csv.gz", load("sudoku-4x4", "test").take(2))
    assert not hub.is_hub(tmp_path)
