"""Puzzles of one shape with their answers, and how some are held out for testing."""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trm.errors import DatasetError
from trm.puzzles.equivalence import apart
from trm.puzzles.spec import PuzzleSpec


@dataclass(frozen=True)
class PuzzleSet:
    """Questions and answers of one shape, n of them."""

    spec: PuzzleSpec
    questions: NDArray[np.int32]  # (n, L)
    answers: NDArray[np.int32]  # (n, L)
    sources: tuple[str, ...] | None = field(default=None, repr=False)
    ratings: NDArray[np.float64] | None = None  # (n,) NaN for none
    puzzle_ids: NDArray[np.int64] | None = None  # (n,) rows of the puzzle embedding table; all 0 for None
    remarks: tuple[str, ...] = ()  # what reading them left out, in words

    def __len__(self) -> int:
        return len(self.questions)

    def take(self, limit: int | None) -> Self:
        """The first `limit` puzzles; all for None."""
        return self.select(np.arange(len(self))[:limit])

    def select(self, rows: NDArray[np.int64]) -> Self:
        """The puzzles at these places."""
        return replace(
            self,
            questions=self.questions[rows],
            answers=self.answers[rows],
            sources=None if self.sources is None else tuple(self.sources[i] for i in rows),
            ratings=None if self.ratings is None else self.ratings[rows],
            puzzle_ids=None if self.puzzle_ids is None else self.puzzle_ids[rows],
        )


def holdout(puzzles: PuzzleSet, share: float = 0.1, seed: int = 0, most: int = 1000) -> tuple[PuzzleSet, PuzzleSet]:
    """Training and test puzzles; none of one is equal to one of the other, nor equivalent for mazes and solved Sudokus.

    Equivalent puzzles stay together, and of their classes those are held out, in random order, that together are no more than
    the share: where even the first is larger, it is the smallest one.
    """
    classes = apart(puzzles.spec, puzzles.questions, puzzles.answers)
    sizes = np.bincount(classes)
    if np.count_nonzero(sizes) == 1:
        raise DatasetError("The file holds no two different puzzles, so that none can be held out for testing.")
    wanted = min(most, max(1, round(share * len(puzzles))))
    held, count = set[int](), 0
    for number in dict.fromkeys(classes[np.random.default_rng(seed).permutation(len(puzzles))].tolist()):
        if count + sizes[number] <= wanted:
            held.add(number)
            count += int(sizes[number])
    in_test = np.isin(classes, [*held] or [np.where(sizes, sizes, sizes.max() + 1).argmin()])
    return puzzles.select(np.flatnonzero(~in_test)), puzzles.select(np.flatnonzero(in_test))
