"""The official build of ARC is read back into the tasks, variants and puzzle ids that it was made from."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from trm.checkpoints.checkpoint import newest, read_meta
from trm.cli import build
from trm.data.splits import arc_sets_of
from trm.errors import DatasetError
from trm.puzzles.arc.sets import ArcSets, Subset, assemble
from trm.puzzles.arc_files import load_shipped
from trm.puzzles.arc_grids import SIDE, SPEC, Pair, encode
from trm.puzzles.datasets import datasets

VARIANTS = 3
TINY = [
    *("train.steps=2", "train.batch_size=2", "model.hidden_size=16", "model.heads=1"),
    *("model.layers=1", "model.latent_steps=1", "model.recursions=1", "model.max_supervision_steps=2"),
]  # fmt: skip


@pytest.fixture(scope="module")
def sets() -> ArcSets:
    tasks = load_shipped("arc-agi-1")
    return assemble("s", (Subset(tasks["training"][:4]), Subset(tasks["evaluation"][:3], held_out=True)), VARIANTS)


def grids(pair: Pair) -> list[list[list[int]]]:
    assert pair.answer is not None
    return [pair.question.tolist(), pair.answer.tolist()]


def write_build(folder: Path, sets: ArcSets, *, answered: bool = True) -> Path:
    """What `build_arc_dataset.py` writes: every pair in every variant, those to train on moved about but for one."""
    names = ["<blank>", *(variant.name(group.task.name) for group in sets.groups for variant in group.variants)]
    folder.mkdir()
    (folder / "identifiers.json").write_text(json.dumps(names))
    held_out = {
        g.task.name: {r: as_json(getattr(g.task, r), answered or r == "train") for r in ("train", "test")}
        for g in sets.held_out
    }
    (folder / "test_puzzles.json").write_text(json.dumps(held_out))
    write_split(folder / "train", sets, [group.train for group in sets.groups], moved=True)
    write_split(folder / "test", sets, [group.test for group in sets.groups], moved=False)
    return folder


def as_json(pairs: Sequence[Pair], answered: bool) -> list[dict[str, Any]]:
    return [{"input": q, "output": a if answered else [[0]]} for q, a in map(grids, pairs)]


def write_split(place: Path, sets: ArcSets, shown: Sequence[Sequence[Pair]], *, moved: bool) -> None:
    rng = np.random.default_rng(7)
    rows: list[list[Any]] = []
    ids, ends, groups = [], [0], [0]
    for group, pairs in zip(sets.groups, shown, strict=True):
        for number, variant in enumerate(group.variants if pairs else ()):
            still = rng.integers(len(pairs))
            for at, pair in enumerate(pairs):
                both = [variant.apply(np.array(grid, np.uint8)) for grid in grids(pair)]
                room = [SIDE - max(grid.shape[axis] for grid in both) for axis in (0, 1)]
                top, left = (rng.integers(0, most + 1) if moved and at != still else 0 for most in room)
                rows.append([encode(grid, (top, left)) for grid in both])
            ids.append(group.first_id + number)
            ends.append(len(rows))
        if pairs:
            groups.append(len(ids))
    place.mkdir()
    arrays: dict[str, NDArray[Any]] = {
        "inputs": np.array([question for question, _ in rows], np.uint8),
        "labels": np.array([answer for _, answer in rows], np.uint8),
        "puzzle_identifiers": np.array(ids, np.int32),
        "puzzle_indices": np.array(ends, np.int32),
        "group_indices": np.array(groups, np.int32),
    }
    for name, array in arrays.items():
        np.save(place / f"all__{name}.npy", array)
    manifest = {
        "seq_len": SPEC.cells, "vocab_size": SPEC.vocab_size, "pad_id": 0, "ignore_label_id": 0, "blank_identifier_id": 0,
        "num_puzzle_identifiers": sets.identifiers, "sets": ["all"],
    }  # fmt: skip
    (place / "dataset.json").write_text(json.dumps(manifest))


def described(sets: ArcSets) -> list[tuple[Any, ...]]:
    return [
        (
            group.task.name,
            group.first_id,
            [variant.name("") for variant in group.variants],
            [grids(pair) for pair in group.train],
            [grids(pair) for pair in group.test],
        )
        for group in sets.groups
    ]


def test_tasks_variants_and_ids_come_back(sets: ArcSets, tmp_path: Path) -> None:
    folder = write_build(tmp_path / "build", sets)
    assert datasets.spec_of(folder) == SPEC
    read = arc_sets_of(str(folder), 1000)
    assert described(read) == described(sets)
    assert read.identifiers == sets.identifiers == 1 + 7 * (VARIANTS + 1)
    fewer = arc_sets_of(str(folder), 1)
    assert fewer.identifiers == 1 + 7 * 2
    assert [group.first_id for group in fewer.groups] == list(range(1, 15, 2))


def test_a_build_without_solutions_has_none(sets: ArcSets, tmp_path: Path) -> None:
    read = arc_sets_of(str(write_build(tmp_path / "build", sets, answered=False)), 1000)
    assert len(read.held_out) == 3
    assert all(pair.answer is None for group in read.held_out for pair in group.test)


def test_it_trains_and_votes(sets: ArcSets, tmp_path: Path) -> None:
    folder, out = write_build(tmp_path / "build", sets), tmp_path / "out"
    options = [part for setting in TINY for part in ("--set", setting)]
    asked = ["train", "--preset", "arc-1", "--data", str(folder), "--out", str(out), "--device", "cpu", *options]
    trained = CliRunner().invoke(build(), asked)
    assert trained.exit_code == 0, trained.output
    assert read_meta(newest(out)).config.model.puzzle_ids == sets.identifiers
    asked = ["arc", "--checkpoint", str(newest(out)), "--data", str(folder), "--variants", "2", "--device", "cpu"]
    voted = CliRunner().invoke(build(), [*asked, "--json"])
    assert voted.exit_code == 0, voted.output
    assert json.loads(voted.stdout.splitlines()[-1])["tasks"] == 3


def test_a_recipe_for_other_puzzles_is_warned_of(sets: ArcSets, tmp_path: Path) -> None:
    folder, out = write_build(tmp_path / "build", sets), tmp_path / "out"
    options = [part for setting in TINY for part in ("--set", setting)]
    asked = ["train", "--preset", "sudoku-extreme", "--data", str(folder), "--out", str(out), "--device", "cpu"]
    trained = CliRunner().invoke(build(), [*asked, *options])
    assert trained.exit_code == 0, trained.output
    assert "sudoku-extreme was made for sudoku of 9x9 cells, and these puzzles are arc of 30x30 cells" in trained.stderr


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("identifiers.json", None, r"identifiers\.json cannot be read.*folders of tasks need no build"),
        ("identifiers.json", b'["<blank>", "a|||t9|||0123456789"]', r"identifiers\.json: 'a\|\|\|t9"),
        ("identifiers.json", b'["<blank>", "a|||t1|||0123456789"]', r"identifiers\.json does not list the task a"),
        ("identifiers.json", b'["<blank>", "a"]', "has no id of the task"),
        ("test_puzzles.json", b"[1]", r"test_puzzles\.json is not an object"),
        ("test_puzzles.json", b'{"a": {"train": []}}', r"test_puzzles\.json: Task a is not"),
        ("train/all__labels.npy", b"\x93NUMPY", r"all__labels\.npy cannot be read"),
    ],
)
def test_what_is_missing_or_damaged_is_named(
    sets: ArcSets, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    file = write_build(tmp_path / "build", sets) / name
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DatasetError, match=words):
        arc_sets_of(str(tmp_path / "build"), 1000)
