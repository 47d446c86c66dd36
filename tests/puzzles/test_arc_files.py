"""ARC files in any of their forms; every fault is named."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trm.errors import DatasetError, UnknownDataset
from trm.puzzles.arc.sets import build
from trm.puzzles.arc_files import load_shipped, read_tasks

GOOD: dict[str, Any] = {
    "name": "ignored",
    "train": [{"input": [[0, 1]], "output": [[1], [0]]}],
    "test": [{"input": [[2]], "output": [[3]]}, {"input": [[4]]}],
}


def write(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_a_task_file(tmp_path: Path) -> None:
    (task,) = read_tasks(write(tmp_path / "abc.json", GOOD))
    assert (task.name, len(task.train), len(task.test), len(task.pairs)) == ("abc", 1, 2, 3)
    assert task.train[0].answer is not None
    assert task.train[0].answer.tolist() == [[1], [0]]
    assert task.train[0].question.dtype == np.uint8
    assert task.test[1].answer is None


def test_a_folder_and_an_archive_give_the_same(tmp_path: Path) -> None:
    folder, archive = tmp_path / "tasks", tmp_path / "tasks.tar.gz"
    folder.mkdir()
    for name in ("b", "a"):
        write(folder / f"{name}.json", GOOD)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "tasks")
    assert [task.name for task in read_tasks(folder)] == [task.name for task in read_tasks(archive)] == ["a", "b"]


def test_kaggle_files_keep_their_order_and_take_their_answers(tmp_path: Path) -> None:
    asked = {"train": GOOD["train"], "test": [{"input": [[2]]}, {"input": [[4]]}]}
    path = write(tmp_path / "x_challenges.json", {"z": asked, "a": asked})
    assert all(pair.answer is None for task in read_tasks(path) for pair in task.test)
    write(tmp_path / "x_solutions.json", {"z": [[[7]], [[8]]]})
    z, a = read_tasks(path)
    assert (z.name, a.name) == ("z", "a")
    assert [pair.answer.tolist() for pair in z.test if pair.answer is not None] == [[[7]], [[8]]]
    assert a.test[0].answer is None
    write(tmp_path / "x_solutions.json", {"z": [[[7]]]})
    with pytest.raises(DatasetError, match=r"Task z asks 2 tests"):
        read_tasks(path)


def changed(role: str, key: str, value: object) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(GOOD))
    document[role][0][key] = value
    return document


FAULTS: list[tuple[object, str]] = [
    (changed("train", "input", [[1, 2], [3]]), r"Task abc, train pair 1, input: row 2 has 1 cells, the first has 2"),
    (changed("test", "output", [[10]]), r"Task abc, test pair 1, output: row 1 holds something other"),
    (changed("test", "output", [[True]]), "0-9"),
    (changed("test", "output", [["1"]]), "0-9"),
    (changed("test", "output", [[-1]]), "0-9"),
    (changed("test", "output", [[0.5]]), "0-9"),
    (changed("test", "output", None), "not a list of rows"),
    (changed("train", "input", [[0] * 31]), "1x31; 30x30 is the most"),
    (changed("train", "input", [[0]] * 31), "31x1; 30x30 is the most"),
    (changed("train", "input", []), "not a list of rows"),
    (changed("train", "input", [[]]), "not a list of rows"),
    (changed("train", "input", "12"), "not a list of rows"),
    ({"train": [{"input": [[1]]}], "test": [{"input": [[1]]}]}, "train pair 1 is not an object with input and output"),
    ({"train": [[1]], "test": [{"input": [[1]]}]}, "train pair 1 is not an object"),
    ({"train": GOOD["train"], "test": [{}]}, "test pair 1 is not an object with input"),
    ({"train": GOOD["train"], "test": []}, "Task abc, test is not a list"),
    ({"train": GOOD["train"]}, "Task abc is not an object with the keys"),
    ([GOOD], "Task abc is not an object with the keys"),
]


@pytest.mark.parametrize(("document", "sentence"), FAULTS)
def test_every_fault_is_named(tmp_path: Path, document: object, sentence: str) -> None:
    with pytest.raises(DatasetError, match=sentence):
        read_tasks(write(tmp_path / "abc.json", document))


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "abc.json").write_bytes(content)
    with pytest.raises(DatasetError, match="not JSON"):
        read_tasks(tmp_path / "abc.json")


def test_missing_broken_and_empty_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        read_tasks(tmp_path / "none.json")
    (tmp_path / "broken.tar.gz").write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_tasks(tmp_path / "broken.tar.gz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="holds no ARC task"):
        read_tasks(tmp_path / "empty")


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("x.json"), io.BytesIO())
    (tmp_path / "cut.tar.gz").write_bytes(whole.getvalue()[:-20])
    with pytest.raises(DatasetError):
        read_tasks(tmp_path / "cut.tar.gz")


def test_two_tasks_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("1", "2"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "abc.json", GOOD)
    with pytest.raises(DatasetError, match="Two tasks are named abc"):
        read_tasks(tmp_path)


def test_the_shipped_collections_are_whole() -> None:
    counts = {
        (name, subset): (len(tasks), sum(len(task.train) for task in tasks), sum(len(task.test) for task in tasks))
        for name in ("arc-agi-1", "arc-agi-2", "conceptarc")
        for subset, tasks in load_shipped(name).items()
    }
    assert counts == {
        ("arc-agi-1", "training"): (400, 1302, 416),
        ("arc-agi-1", "evaluation"): (400, 1363, 419),
        ("arc-agi-2", "training"): (1000, 3232, 1076),
        ("arc-agi-2", "evaluation"): (120, 359, 167),
        ("conceptarc", "corpus"): (160, 427, 480),
        ("conceptarc", "minimal"): (16, 46, 48),
    }
    with pytest.raises(UnknownDataset, match="conceptarc"):
        load_shipped("arc-agi-3")


def test_the_folder_that_kaggle_ships_is_read(tmp_path: Path) -> None:
    asked = {"train": GOOD["train"], "test": [{"input": [[1]]}]}
    write(tmp_path / "arc-agi_evaluation_challenges.json", {"abc": asked})
    write(tmp_path / "arc-agi_evaluation_solutions.json", {"abc": [[[7]]]})
    write(tmp_path / "arc-agi_test_challenges.json", {"abc": asked, "xyz": asked})
    write(tmp_path / "sample_submission.json", {"abc": [{"attempt_1": [[0]], "attempt_2": [[0]]}]})
    (tmp_path / "._arc-agi_test_challenges.json").write_bytes(b"\x00\x05\x16\x07")
    tasks = {task.name: task for task in read_tasks(tmp_path)}
    assert tasks.keys() == {"abc", "xyz"}
    assert tasks["abc"].test[0].answer is not None
    assert tasks["abc"].test[0].answer.tolist() == [[7]]
    assert tasks["xyz"].test[0].answer is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a git-lfs pointer"),
        (b'{"train": [', "is not JSON"),
        (b"[1]", "is not an object with the keys"),
    ],
)
def test_a_file_that_is_no_task_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    write(tmp_path / "good.json", GOOD)
    (tmp_path / "other.json").write_bytes(content)
    with pytest.raises(DatasetError, match=rf"other\.json.*{words}"):
        read_tasks(tmp_path)


@pytest.mark.slow
def test_the_one_task_on_both_sides_of_arc_agi_1_is_counted() -> None:
    assert build("arc-1", variants=0).shown_elsewhere == 1
    assert build("arc-2", variants=0).shown_elsewhere == 0
