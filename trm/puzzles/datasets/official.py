"""Data sets as the official build scripts of TRM and HRM write them: arrays below train/ and test/."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trm.errors import DatasetError
from trm.puzzles import arc_grids, maze
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import spec_for

SPLITS = ("train", "test")
VOCABULARIES = {11: "sudoku", 6: "maze", 12: "arc"}  # tokens and their meaning are ours


def is_official(folder: Path) -> bool:
    """Whether this is such a build: its manifests lie in the folders of the splits."""
    return not (folder / "dataset.json").exists() and all((folder / s / "dataset.json").is_file() for s in SPLITS)


def advice(folder: Path) -> str | None:
    """What to give instead, when this folder is one split of such a build; None when it is not."""
    try:
        document = json.loads((folder / "dataset.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or "seq_len" not in document:
        return None
    return f"belongs to one split of an official build. Give the folder above, which holds train and test: {folder.parent}."


def spec_of(folder: Path) -> PuzzleSpec:
    """The shape of the puzzles; raises DatasetError for other builds than of 9x9 Sudokus, square mazes and ARC."""
    file = folder / "train" / "dataset.json"
    try:
        document = json.loads(file.read_bytes())
        cells, vocabulary = int(document["seq_len"]), int(document["vocab_size"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DatasetError(f"{file} is damaged, or of no official build: {error!r}.") from error
    side, kind = round(cells**0.5), VOCABULARIES.get(vocabulary)
    if kind == "sudoku" and cells == 81:
        return spec_for(9)
    if kind == "maze" and side * side == cells:
        return maze.spec_for(side, side)
    if kind == "arc" and cells == arc_grids.SPEC.cells:
        return arc_grids.SPEC
    raise DatasetError(
        f"{folder} holds puzzles of {cells} cells and {vocabulary} tokens; 9x9 Sudokus (11 tokens), square mazes (6) and "
        "ARC (900 cells, 12) are read."
    )


def load(folder: Path, split: str) -> PuzzleSet:
    """The puzzles of a split, without the augmented copies that follow the first of each group: a training draws new ones."""
    spec, place = spec_of(folder), folder / split
    questions, answers, groups, puzzles = read_arrays(place, spec, "group_indices", "puzzle_indices")
    try:
        rows = puzzles[groups[:-1]]  # of the first example of each group
    except IndexError as error:
        raise DatasetError(f"The index arrays of {place} do not fit each other.") from error
    if len(rows) == 0 or rows.min() < 0 or rows.max() >= len(questions):
        raise DatasetError(f"The index arrays of {place} do not fit its {len(questions):,} examples.")
    chosen = [table[rows].astype(np.int32) for table in (questions, answers)]
    if any(table.min(initial=1) < 1 or table.max(initial=1) >= spec.vocab_size for table in chosen):
        raise DatasetError(f"{place} holds tokens outside 1 to {spec.vocab_size - 1}.")
    return PuzzleSet(spec, chosen[0], chosen[1])


def read_arrays(place: Path, spec: PuzzleSpec, *names: str) -> list[NDArray[np.int64]]:
    """Questions and answers `(n, L)` of a split, then its arrays of these names, all read as they are used; raises DatasetError."""
    arrays: list[NDArray[np.int64]] = []
    for path in (place / f"all__{name}.npy" for name in ("inputs", "labels", *names)):
        try:
            arrays.append(np.load(path, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            raise DatasetError(f"{path} cannot be read as an array: {error}.") from error
    questions, answers = (array.shape for array in arrays[:2])
    if questions != answers or questions[1:] != (spec.cells,):
        raise DatasetError(f"{place} holds arrays of {questions} and {answers}; (n, {spec.cells}) is expected.")
    return arrays
