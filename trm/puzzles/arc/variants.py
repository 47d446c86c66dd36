"""Variants of ARC tasks: all grids turned by one dihedral map, all colours but 0 permuted."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trm.errors import PuzzleError
from trm.puzzles.arc_grids import COLOURS, SIDE, Grid, Task
from trm.puzzles.symmetries.dihedral import INVERSE
from trm.puzzles.symmetries.dihedral import apply as turn

TRIALS_PER_VARIANT = 5
SEPARATOR = "|||"
NAME = re.compile(r"(.+)\|\|\|t([0-7])\|\|\|(0[1-9]{9})", re.DOTALL)
UNKNOWN_ANSWER = np.zeros((1, 1), dtype=np.uint8)  # the official stand-in where an answer is not published


@dataclass(frozen=True)
class Variant:
    """Colour c becomes `colours[c]`, then the grid is turned."""

    dihedral: int = 0  # as trm.puzzles.symmetries.dihedral numbers them
    colours: tuple[int, ...] = tuple(range(COLOURS))

    def __post_init__(self) -> None:
        """Refuse what is no variant with PuzzleError: it could not be undone."""
        if not 0 <= self.dihedral < len(INVERSE):
            raise PuzzleError(f"There is no dihedral map {self.dihedral}; they are 0 to 7.")
        if self.colours[:1] != (0,) or sorted(self.colours) != list(range(COLOURS)):
            raise PuzzleError(f"{self.colours} does not permute the colours 1-9 and keep 0.")

    @property
    def is_original(self) -> bool:
        """Whether it is the identity."""
        return self == Variant()

    def apply(self, grid: Grid) -> Grid:
        """The variant of a grid `(h, w)`; `(w, h)` after a quarter turn or transposition."""
        return turn(np.array(self.colours, dtype=np.uint8)[grid], self.dihedral)

    def undo(self, grid: Grid) -> Grid:
        """The grid of which `grid` is the variant; any grid of colours will do, an empty one too."""
        return np.argsort(self.colours).astype(np.uint8)[turn(grid, INVERSE[self.dihedral])]

    def name(self, task: str) -> str:
        """The official name of a task's variant; an original has the task's own."""
        colours = "".join(map(str, self.colours))
        return task if self.is_original else f"{task}{SEPARATOR}t{self.dihedral}{SEPARATOR}{colours}"

    @classmethod
    def parse(cls, name: str) -> tuple[str, Self]:
        """Task and variant of an official name; raises PuzzleError when it is none."""
        if SEPARATOR not in name:
            return name, cls()
        match = NAME.fullmatch(name)
        if match is None:
            raise PuzzleError(f"{name!r} is not a name like 'abc|||t3|||0987654321'.")
        return match[1], cls(int(match[2]), tuple(map(int, match[3])))


@dataclass(frozen=True, eq=False)
class Variants:
    """Many variants in 11 bytes each, T of them."""

    dihedral: NDArray[np.uint8]  # (T,)
    colours: NDArray[np.uint8]  # (T, 10)

    def __len__(self) -> int:
        return len(self.dihedral)

    def __getitem__(self, index: int) -> Variant:
        return Variant(int(self.dihedral[index]), tuple(self.colours[index].tolist()))

    def __iter__(self) -> Iterator[Variant]:
        return (self[index] for index in range(len(self)))

    def select(self, rows: list[int]) -> Self:
        """The variants at these places."""
        return type(self)(self.dihedral[rows], self.colours[rows])


def variants_of(task: Task, count: int, rng: np.random.RandomState) -> Variants:
    """The original, then up to `count` distinct variants from at most `5 * count` draws.

    Draws exactly what the official builder draws, in its order, and leaves `rng` where that leaves it.
    """
    drawn = Variants(np.zeros(1, dtype=np.uint8), np.arange(COLOURS, dtype=np.uint8)[None])
    sums, parts = _sums(task), [drawn]
    seen, trials = set(_fingerprints(sums, drawn).tolist()), TRIALS_PER_VARIANT * count
    while size := min(trials, count + 1 - len(seen)):  # never a draw more than the official builder would make
        drawn, trials = _draw(size, rng), trials - size
        parts.append(drawn.select(_unseen(_fingerprints(sums, drawn).tolist(), seen)))
    return Variants(np.concatenate([p.dihedral for p in parts]), np.concatenate([p.colours for p in parts]))


def _unseen(keys: list[int], seen: set[int]) -> list[int]:
    """Places of keys that are new; they are noted in `seen`."""
    places = []
    for place, key in enumerate(keys):
        if key not in seen:
            seen.add(key)
            places.append(place)
    return places


def _draw(count: int, rng: np.random.RandomState) -> Variants:
    dihedral = np.zeros(count, dtype=np.uint8)
    colours = np.tile(np.arange(COLOURS, dtype=np.uint8), (count, 1))
    for trial, movable in enumerate(colours[:, 1:]):
        dihedral[trial] = rng.randint(0, len(INVERSE))
        rng.shuffle(movable)  # as the official `permutation` draws, without its copies
    return Variants(dihedral, colours)


@cache
def _weights() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Fixed random weights of cells `(30, 30)` and colours `(10,)`."""
    weights = np.random.default_rng(0).integers(0, 2**64, SIDE * SIDE + COLOURS, dtype=np.uint64)
    return weights[:-COLOURS].reshape(SIDE, SIDE), weights[-COLOURS:]


def _sums(task: Task) -> NDArray[np.uint64]:
    """Weights of the cells of each colour `(2, pairs, 8, 10)`, of questions and answers turned each way."""
    pairs, (cells, _) = task.pairs, _weights()
    sums = np.zeros((2, len(pairs), len(INVERSE), COLOURS), dtype=np.uint64)
    for number, pair in enumerate(pairs):
        for side, grid in enumerate((pair.question, UNKNOWN_ANSWER if pair.answer is None else pair.answer)):
            for dihedral in range(len(INVERSE)):
                turned = turn(grid, dihedral)
                np.add.at(sums[side, number, dihedral], turned, cells[: turned.shape[0], : turned.shape[1]])
    return sums


def _fingerprints(sums: NDArray[np.uint64], variants: Variants) -> NDArray[np.uint64]:
    """A 64-bit hash `(T,)` of each variant of a task, equal for equal sets of pairs in any order.

    A grid is hashed as the sum, modulo 2**64, of cell weight times colour weight, so that no variant has to be drawn. Within a
    task two different variants share a hash with a probability near 1e-12.
    """
    _, colours = _weights()
    question, answer = (sums[:, :, variants.dihedral] * colours[variants.colours]).sum(axis=-1)  # (pairs, T) each
    keys: NDArray[np.uint64] = _mix(question + np.uint64(3) * _mix(answer)).sum(axis=0)
    return keys


def _mix(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Well-scattered images of keys: the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))
