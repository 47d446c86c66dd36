"""ARC as the official build scripts of TRM and HRM write it: read back into tasks and variants, which keep their puzzle ids.

identifiers.json    the name of every puzzle id: of each task the original, then its variants
test_puzzles.json   the held-out tasks as they were given
train/all__*.npy    the pairs that are trained on, in all variants; only the originals are read
"""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trm.errors import DatasetError, PuzzleError
from trm.puzzles.arc.sets import FIRST_ID, ArcSets, Group
from trm.puzzles.arc.variants import UNKNOWN_ANSWER, Variant, Variants
from trm.puzzles.arc_files import task_from
from trm.puzzles.arc_grids import COLOURS, FIRST_COLOUR, SIDE, SPEC, Grid, Pair, Task, area
from trm.puzzles.datasets.official import read_arrays

IDENTIFIERS, HELD_OUT = "identifiers.json", "test_puzzles.json"


def read_sets(folder: Path, variants: int) -> ArcSets:
    """The set that was built, with the first so many variants of each task; raises DatasetError that names the file."""
    given = _read_held_out(folder / HELD_OUT)
    pairs = _Pairs(folder / "train")
    groups: list[Group] = []
    next_id = FIRST_ID
    for name, first, drawn in _list_tasks(folder / IDENTIFIERS):
        task = given.pop(name, None)
        train, test = (pairs.of(first), ()) if task is None else (task.train, task.test)
        kept = drawn[: variants + 1]
        groups.append(Group(task or Task(name, train, ()), _stack(kept), next_id, train, test))
        next_id += len(kept)
    if given:
        raise DatasetError(f"{folder / IDENTIFIERS} has no id of the task {next(iter(given))} in {HELD_OUT}.")
    return ArcSets(str(folder), tuple(groups), variants)


def _read_held_out(path: Path) -> dict[str, Task]:
    """The tasks to test on; where no answer is known the official script has put a black cell in the place of each."""
    document = _read_json(path)
    if not isinstance(document, dict):
        raise DatasetError(f"{path} is not an object of tasks by name.")
    try:
        tasks = {name: task_from(name, task) for name, task in document.items()}
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from error
    answers = [pair.answer for task in tasks.values() for pair in task.test]
    if all(answer is None or np.array_equal(answer, UNKNOWN_ANSWER) for answer in answers):
        return {name: Task(name, t.train, tuple(Pair(p.question, None) for p in t.test)) for name, t in tasks.items()}
    return tasks


def _list_tasks(path: Path) -> Iterator[tuple[str, int, list[Variant]]]:
    """Every task with its first id and its variants, in the order of the ids."""
    names = _read_json(path)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DatasetError(f"{path} is not a list of names.")
    try:
        parsed = [(number, *Variant.parse(name)) for number, name in enumerate(names[FIRST_ID:], start=FIRST_ID)]
    except PuzzleError as error:
        raise DatasetError(f"{path}: {error}") from error
    seen: set[str] = set()
    for task, ids in groupby(parsed, key=lambda entry: entry[1]):
        first, *others = ids
        if task in seen or not first[2].is_original:
            raise DatasetError(f"{path} does not list the task {task} once, its original first.")
        seen.add(task)
        yield task, first[0], [first[2], *(variant for _, _, variant in others)]


def _stack(variants: list[Variant]) -> Variants:
    return Variants(
        np.array([variant.dihedral for variant in variants], dtype=np.uint8),
        np.array([variant.colours for variant in variants], dtype=np.uint8),
    )


class _Pairs:
    """The pairs of a split's puzzles by their ids, decoded when asked for."""

    def __init__(self, place: Path) -> None:
        self.place = place
        arrays = read_arrays(place, SPEC, "puzzle_indices", "puzzle_identifiers")
        self.questions, self.answers, self.ends, self.ids = arrays
        if self.ends.shape != (len(self.ids) + 1,) or self.ends[-1] > len(self.questions):
            raise DatasetError(f"The index arrays of {place} do not fit its {len(self.questions):,} examples.")

    def of(self, number: int) -> tuple[Pair, ...]:
        """The pairs of the puzzle with this id."""
        rows = [row for at in np.flatnonzero(self.ids == number) for row in range(self.ends[at], self.ends[at + 1])]
        if not rows:
            raise DatasetError(f"{self.place} has no examples of the puzzle {number} of {IDENTIFIERS}.")
        return tuple(Pair(self._decode(self.questions[row]), self._decode(self.answers[row])) for row in rows)

    def _decode(self, tokens: NDArray[np.int64]) -> Grid:
        grid = tokens.reshape(SIDE, SIDE)[area(tokens)].astype(np.int32) - FIRST_COLOUR
        if grid.min() < 0 or grid.max() >= COLOURS:
            raise DatasetError(f"{self.place} holds an example that is no coloured rectangle.")
        return grid.astype(np.uint8)


def _read_json(path: Path) -> Mapping[str, Any] | list[Any]:
    try:
        document: Mapping[str, Any] | list[Any] = json.loads(path.read_bytes())
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read: {error.strerror}. An official build of ARC has it; arc-1, arc-2 and folders of tasks need no build."
        ) from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path} is not JSON: {error}.") from error
    return document
