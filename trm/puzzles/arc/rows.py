"""Rows to evaluate on: the test pairs of held-out ARC tasks in their first variants, drawn when asked for."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trm.errors import ConfigError
from trm.puzzles.arc.sets import ArcSets, Group
from trm.puzzles.arc.variants import Variant
from trm.puzzles.arc_grids import PAD, SPEC, encode
from trm.puzzles.puzzle_set import PuzzleSet


class RowKey(NamedTuple):
    """Task, test pair and variant of a row."""

    task: str
    pair: int  # of the task's test pairs, from 0
    variant: Variant


@dataclass(frozen=True, eq=False)
class EvaluationRows:
    """N rows, all pairs of one variant after the other, task by task as in the official test split.

    A whole ARC-AGI-1 test split is 385,815 rows, 2.8 GB as tokens: hence `puzzles` for a part of them.
    """

    groups: tuple[Group, ...]
    places: NDArray[np.int32]  # (N, 3): group, variant, pair

    def __len__(self) -> int:
        return len(self.places)

    @property
    def puzzle_ids(self) -> NDArray[np.int64]:
        """Puzzle ids `(N,)`."""
        first = np.array([group.first_id for group in self.groups], dtype=np.int64)
        ids: NDArray[np.int64] = first[self.places[:, 0]] + self.places[:, 1]
        return ids

    def key(self, row: int) -> RowKey:
        """Task, test pair and variant of a row."""
        group, variant, pair = self.places[row].tolist()
        return RowKey(self.groups[group].task.name, pair, self.groups[group].variants[variant])

    def puzzles(self, start: int = 0, stop: int | None = None) -> PuzzleSet:
        """Rows `start` to `stop` as tokens `(n, 900)` without translation; `sources` has their official names.

        An answer that is not known is padding throughout.
        """
        rows = range(len(self))[start:stop]
        tokens = np.full((2, len(rows), SPEC.cells), PAD, dtype=np.int32)
        keys = [self.key(row) for row in rows]
        for at, (row, key) in enumerate(zip(rows, keys, strict=True)):
            pair = self.groups[self.places[row, 0]].test[key.pair]
            for side, grid in enumerate((pair.question, pair.answer)):
                if grid is not None:
                    tokens[side, at] = encode(key.variant.apply(grid))
        names = tuple(key.variant.name(key.task) for key in keys)
        return PuzzleSet(SPEC, tokens[0], tokens[1], sources=names, puzzle_ids=self.puzzle_ids[rows.start : rows.stop])


def evaluation_rows(sets: ArcSets, variants: int) -> EvaluationRows:
    """Every test pair in the first `variants` variants of its task, the original counted; raises ConfigError below 1."""
    if variants < 1:
        raise ConfigError(f"{variants} variants of a task leave nothing to evaluate. Ask for 1 or more.")
    places = [
        (number, variant, pair)
        for number, group in enumerate(sets.held_out)
        for variant in range(min(variants, len(group.variants)))
        for pair in range(len(group.test))
    ]
    return EvaluationRows(sets.held_out, np.array(places, dtype=np.int32).reshape(-1, 3))


def evaluation_set(sets: ArcSets) -> PuzzleSet:
    """The test pairs themselves, each once."""
    return evaluation_rows(sets, variants=1).puzzles()
