"""Which puzzles of many are the same up to symmetry."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import BLANK
from trm.puzzles.symmetries.symmetry import all_lines, canonical

Tokens = NDArray[np.int32]
Pairs = tuple[Tokens, Tokens]  # questions and answers (n, L)
Track = Callable[[Sequence[int], str], Iterable[int]]  # goes through the numbers, perhaps showing what was done
CANONICAL_CELLS = 36  # Sudokus up to 6x6: all images can be compared
EXACT_BOX = (3, 3)  # and here all normalised images of puzzle with answer
QUICKLY = 500  # the same, where no caller waits for the result
MOST = 5_000  # puzzles whose exact form is worked out, at about 20 ms each


@dataclass(frozen=True)
class Classes:
    """A number for each puzzle, and what equal numbers mean.

    exact: the puzzles are equivalent. suspected: very probably; unequal ones surely are not. equal: they are the same grid.
    """

    numbers: NDArray[np.int64]  # (n,)
    meaning: Literal["exact", "suspected", "equal"]


def silent(numbers: Sequence[int], doing: str) -> Iterable[int]:
    """Goes through the numbers and shows nothing."""
    return numbers


def classes(spec: PuzzleSpec, questions: Tokens, answers: Tokens, track: Track = silent, most: int = MOST) -> Classes:
    """Classes of puzzles `(n, L)` under their symmetries: exact for mazes and Sudokus up to 9x9, else of equal grids.

    A Sudoku is taken together with its answer.
    Suspected where more than `most` 9x9 Sudokus are alike, so that the exact comparison would take minutes.
    """
    if spec.kind == "maze":
        forms = [canonical(spec, questions[i]) for i in track(range(len(questions)), "comparing mazes")]
        return Classes(_number(forms), "exact")
    if spec.box is None or not (answers > BLANK).all() or (spec.cells > CANONICAL_CELLS and spec.box != EXACT_BOX):
        return Classes(_number([question.tobytes() for question in questions]), "equal")
    prints = fingerprints(spec, questions, answers)
    _, at, times = np.unique(prints, return_inverse=True, return_counts=True)
    alike = np.flatnonzero(times[at] > 1)
    if spec.box == EXACT_BOX and len(alike) > most:
        return Classes(_number(prints.tolist()), "suspected")
    form = exact_form if spec.box == EXACT_BOX else (lambda question, _: canonical(spec, question))
    names: list[Any] = prints.tolist()
    for i in track(alike.tolist(), "comparing Sudokus"):
        names[i] = form(questions[i], answers[i])
    return Classes(_number(names), "exact")


def overlap(spec: PuzzleSpec, train: Pairs, test: Pairs) -> int:
    """How many test puzzles are equivalent to a training puzzle, as far as that can be told within seconds."""
    questions, answers = (np.concatenate(part) for part in zip(train, test, strict=True))
    numbers = classes(spec, questions, answers, most=QUICKLY).numbers
    seen, asked = numbers[: len(train[0])], numbers[len(train[0]) :]
    return int(np.isin(asked, seen).sum())


def apart(spec: PuzzleSpec, questions: Tokens, answers: Tokens) -> NDArray[np.int64]:
    """Numbers that are equal for all equivalent puzzles, and seldom for others: milliseconds, to keep splits disjoint."""
    if spec.box is None or spec.cells <= CANONICAL_CELLS or not (answers > BLANK).all():
        return classes(spec, questions, answers).numbers
    return _number(fingerprints(spec, questions, answers).tolist())


def fingerprints(spec: PuzzleSpec, questions: Tokens, answers: Tokens) -> NDArray[np.uint64]:
    """What no symmetry changes about Sudokus `(n, L)` with their answers, as a hash.

    Between two rows of a band (columns of a stack) digits are permuted: its cycle lengths stay. So do counts of clues.
    """
    height, width = spec.box or (1, 1)
    grids = (answers - 2).reshape(-1, spec.rows, spec.cols)
    clues = (questions > BLANK).reshape(-1, spec.rows, spec.cols)
    sides = np.stack((_side(grids, clues, height), _side(grids.swapaxes(1, 2), clues.swapaxes(1, 2), width)), axis=1)
    if height == width:  # a transposition swaps them
        sides.sort(axis=1)
    digits = np.sort([(questions == token).sum(1) for token in range(BLANK + 1, spec.vocab_size)], axis=0).T
    return _mix(np.concatenate((sides, digits.astype(np.uint64)), axis=1))


def _side(grids: Tokens, clues: NDArray[np.bool_], height: int) -> NDArray[np.uint64]:
    """The part of the fingerprint that rows give, `(n,)`."""
    shape = (len(grids), -1, height, grids.shape[2])
    lines, counts = grids.reshape(shape), np.sort(clues.reshape(shape).sum(3), axis=2)
    pairs = [_cycles(lines[:, :, a], lines[:, :, b]) for a, b in combinations(range(height), 2)]
    bands = _mix(np.concatenate((np.sort(np.stack(pairs, axis=2), axis=2), counts.astype(np.uint64)), axis=2))
    return _mix(np.sort(bands, axis=1))


def _cycles(upper: Tokens, lower: Tokens) -> NDArray[np.uint64]:
    """A hash of the cycle lengths of the permutations that take digits `(.., size)` of one line to those of another."""
    after = np.empty_like(upper)
    np.put_along_axis(after, upper, lower, axis=-1)
    now, lengths = after, np.zeros(after.shape, dtype=np.uint64)
    for length in range(1, after.shape[-1] + 1):
        lengths[(now == np.arange(after.shape[-1])) & (lengths == 0)] = length
        now = np.take_along_axis(after, now, axis=-1)
    return _mix(np.sort(lengths, axis=-1))


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One hash for the values along the last axis."""
    out = np.zeros(values.shape[:-1], dtype=np.uint64)
    for i in range(values.shape[-1]):
        out = (out + values[..., i] + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        out ^= out >> np.uint64(29)
    return out


def exact_form(question: Tokens, answer: Tokens) -> bytes:
    """The smallest normalised image of a 9x9 Sudoku `(81,)` and its clues: equal for two exactly if they are equivalent.

    An image is fixed by the transposition, the order of columns and the row put on top: digits are renamed so that it
    reads 1 to 9, the other rows and bands sorted by their first column.
    """
    grid, clues = (answer - 2).astype(np.int8).reshape(9, 9), (question > BLANK).reshape(9, 9)
    return min(_smallest(grid, clues), _smallest(grid.T, clues.T))


def _smallest(grid: NDArray[np.int8], clues: NDArray[np.bool_]) -> bytes:
    cols = all_lines(3, 3)  # (1296, 9)
    images = grid[:, cols].swapaxes(0, 1)  # (1296, row, column)
    names = images.argsort(axis=2).astype(np.int8)  # (1296, top row, digit)
    which, top = (x.ravel() for x in np.indices((len(cols), 9)))  # (11664,)
    order = _row_order(np.take_along_axis(names[which, top], images[which, :, 0].astype(np.int64), axis=1))
    for row in range(1, 9):  # row 0 is the same in all; few are left after the second
        line = images[which, order[:, row]]
        keep = _least(np.take_along_axis(names[which, top], line.astype(np.int64), axis=1))
        which, top, order = which[keep], top[keep], order[keep]
    rows = np.take_along_axis(images[which], order[:, :, None], axis=1)
    solution: bytes = names[which[0], top[0]][rows[0]].tobytes()
    masks = clues[order[:, :, None], cols[which][:, None, :]]  # (left, 9, 9)
    return solution + min(np.packbits(mask).tobytes() for mask in masks)


def _row_order(first: NDArray[np.int8]) -> NDArray[np.int64]:
    """Orders of rows `(N, 9)` by first column within bands, bands by their smallest."""
    bands = first.reshape(-1, 3, 3)
    within = bands.argsort(axis=2) + np.array([[0], [3], [6]])
    return np.take_along_axis(within, bands.min(2).argsort(axis=1)[:, :, None], axis=1).reshape(-1, 9)


def _least(lines: NDArray[np.int8]) -> NDArray[np.int64]:
    """The places of the smallest lines of `(N, 9)`."""
    value = lines.astype(np.int64) @ 9 ** np.arange(8, -1, -1)
    return np.flatnonzero(value == value.min())


def _number(names: Sequence[object]) -> NDArray[np.int64]:
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)
