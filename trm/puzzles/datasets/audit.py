"""Audits a data set."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from trm.errors import DatasetError, PuzzleError, PuzzleTooHard
from trm.puzzles import maze
from trm.puzzles.equivalence import MOST, Track, classes, silent
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.search import solutions
from trm.puzzles.spec import PuzzleSpec

SOLVED = 200  # Sudokus of a split that are searched for a second answer, at about 20 ms each
BUDGET = 20_000  # guesses for each
EXAMPLES = 5  # row numbers in a sentence


@dataclass(frozen=True)
class SplitAudit:
    """One split; rows count from 1, as in its table."""

    name: str
    puzzles: int
    repeated: tuple[int, ...]  # rows whose question stands in an earlier row
    equivalent: tuple[int, ...]  # rows that are equivalent to an earlier one, but not equal
    givens: tuple[float, float, float] | None  # least, mean and largest share of cells given
    unused: tuple[str, ...]  # symbols of the alphabet in no grid
    searched: int  # rows whose answers were searched for
    ambiguous: tuple[int, ...]  # rows with several answers
    unproved: tuple[int, ...]  # rows whose search was given up
    wrong: tuple[int, ...]  # rows whose question has no answer, or another one than the table says
    off_rule: tuple[int, ...]  # mazes whose path is not the one that the rule for ties picks


@dataclass(frozen=True)
class Audit:
    """What is wrong with two splits of a data set."""

    spec: PuzzleSpec
    train: SplitAudit
    test: SplitAudit
    meaning: str  # what "equivalent" means here, as in `Classes`
    shared: tuple[tuple[int, int], ...]  # row of test, and the first row of train that is equivalent

    @property
    def clean(self) -> bool:
        """Whether nothing was found that would distort a training or a score."""
        lists = [getattr(s, part) for s in (self.train, self.test) for part in ("repeated", "ambiguous", "wrong")]
        return not self.shared and not any(lists)

    def sentences(self) -> tuple[str, ...]:
        """All findings for a person, what matters most first."""
        shape = f"{self.spec.rows}x{self.spec.cols} {self.spec.kind} with {len(self.spec.symbols)} symbols"
        sizes = f"{shape}: {self.train.puzzles:,} training and {self.test.puzzles:,} test puzzles."
        splits = (sentence for split in (self.train, self.test) for sentence in _split_sentences(split))
        return (_describe_shared(self), *splits, sizes, LIMITS[self.meaning])


LIMITS = {
    "exact": "Equivalent means: one is turned into the other by a symmetry of its kind. All puzzles were compared exactly.",
    "suspected": "So many puzzles are alike that only a fingerprint was compared: some called equivalent may differ.",
    "equal": "Only equality was checked: symmetries of this kind and size cannot be compared here.",
}


def audit(
    train: PuzzleSet,
    test: PuzzleSet,
    solve: int = SOLVED,
    track: Track = silent,
    *,
    most: int = MOST,
    seconds: float = inf,
) -> Audit:
    """Compare all puzzles with each other, and search the first `solve` Sudokus of each split for second answers.

    At most `most` are compared exactly, and each split is searched for so many `seconds`: a request may wait for it.
    `track` goes through the work and may show it. Raises DatasetError for splits of different specs.
    """
    if train.spec != test.spec:
        raise DatasetError(f"The splits differ in kind: {train.spec} and {test.spec}. Audit splits of one data set.")
    both = (np.concatenate((train.questions, test.questions)), np.concatenate((train.answers, test.answers)))
    found = classes(train.spec, *both, track, most)
    halves = found.numbers[: len(train)], found.numbers[len(train) :]
    parts = [
        _split(name, puzzles, numbers, solve, track, seconds)
        for name, puzzles, numbers in zip(("train", "test"), (train, test), halves, strict=True)
    ]
    return Audit(train.spec, parts[0], parts[1], found.meaning, _common(*halves))


def _common(train: NDArray[np.int64], test: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    first = {number: row for row, number in reversed(list(enumerate(train.tolist(), start=1)))}
    return tuple((row, first[number]) for row, number in enumerate(test.tolist(), start=1) if number in first)


def _split(
    name: str, puzzles: PuzzleSet, numbers: NDArray[np.int64], solve: int, track: Track, seconds: float
) -> SplitAudit:
    repeated = _again([question.tobytes() for question in puzzles.questions])
    searched, verdicts = _search(puzzles, solve, track, seconds)
    used = np.union1d(puzzles.questions, puzzles.answers)
    return SplitAudit(
        name,
        len(puzzles),
        repeated,
        tuple(sorted(set(_again(numbers.tolist())) - set(repeated))),
        _givens(puzzles),
        tuple(symbol for token, symbol in enumerate(puzzles.spec.symbols, start=1) if token not in used),
        searched,
        *(tuple(row for row, v in verdicts if v == kind) for kind in ("ambiguous", "unproved", "wrong", "off_rule")),
    )


def _again(names: Sequence[object]) -> tuple[int, ...]:
    """Rows whose name stands in an earlier row."""
    first: dict[object, int] = {}
    return tuple(row for row, name in enumerate(names, start=1) if first.setdefault(name, row) != row)


def _givens(puzzles: PuzzleSet) -> tuple[float, float, float] | None:
    token = maze.OPEN if puzzles.spec.kind == "maze" else puzzles.spec.blank
    if token is None or not len(puzzles):
        return None
    shares = (puzzles.questions != token).mean(1)
    return float(shares.min()), float(shares.mean()), float(shares.max())


def _search(puzzles: PuzzleSet, solve: int, track: Track, seconds: float) -> tuple[int, list[tuple[int, str]]]:
    """Search rows; returns how many were solved, and the faults found."""
    is_maze = puzzles.spec.kind == "maze"
    if not is_maze and not puzzles.spec.is_searchable:
        return 0, []
    judge = _judge_maze if is_maze else _judge_by_search
    rows = range(len(puzzles) if is_maze else min(solve, len(puzzles)))
    spec, pairs = puzzles.spec, (puzzles.questions, puzzles.answers)
    verdicts: list[str | None] = []
    end = time.monotonic() + seconds
    for i in track(rows, "solving"):
        verdicts.append(judge(spec, pairs[0][i], pairs[1][i]))
        if time.monotonic() > end:
            break
    return len(verdicts), [(row, verdict) for row, verdict in enumerate(verdicts, start=1) if verdict is not None]


def _judge_by_search(spec: PuzzleSpec, question: NDArray[np.int32], answer: NDArray[np.int32]) -> str | None:
    try:
        found = solutions(spec, question, budget=BUDGET)
    except PuzzleTooHard:
        return "unproved"
    if len(found) > 1:
        return "ambiguous"
    return None if found and np.array_equal(found[0], answer) else "wrong"


def _judge_maze(spec: PuzzleSpec, question: NDArray[np.int32], answer: NDArray[np.int32]) -> str | None:
    try:
        drawn = maze.solve(spec, question)
    except PuzzleError:
        return "wrong"
    if np.array_equal(drawn, answer):
        return None
    return "off_rule" if maze.valid(spec, question[None], answer[None])[0] else "wrong"


def _describe_shared(report: Audit) -> str:
    alike = "equal" if report.meaning == "equal" else "equivalent"
    if not report.shared:
        return f"No test puzzle is {alike} to a training puzzle."
    shown = ", ".join(f"row {test} of test and row {train} of train" for test, train in report.shared[:EXAMPLES])
    count, share = len(report.shared), len(report.shared) / max(1, report.test.puzzles)
    return f"{_puzzles(count, 'test puzzle')} ({share:.1%}) {'is' if count == 1 else 'are'} {alike} to a training puzzle: {shown}."


def _split_sentences(split: SplitAudit) -> list[str]:
    found = []
    for rows, what in (
        (split.repeated, "a question that stands in an earlier row"),
        (split.equivalent, "a question that is equivalent to an earlier one"),
        (split.ambiguous, "more than one answer"),
        (split.wrong, "no answer, or another one than the table says"),
        (split.off_rule, "a shortest path, but not the one that the rule for ties picks"),
        (split.unproved, "so many possible answers that the search was given up"),
    ):
        if rows:
            found.append(f"{split.name}: {_puzzles(len(rows), 'puzzle')} with {what}: {_rows(rows)}.")
    if 0 < split.searched < split.puzzles:
        found.append(f"{split.name}: only the first {split.searched:,} puzzles were solved.")
    if split.unused:
        found.append(f"{split.name}: no grid holds {' '.join(map(repr, split.unused))}.")
    if split.givens:
        least, mean, most = split.givens
        found.append(f"{split.name}: givens are {least:.0%} to {most:.0%} of the cells, {mean:.0%} on average.")
    return found


def _rows(rows: Sequence[int]) -> str:
    more = ", .." if len(rows) > EXAMPLES else ""
    return f"row{'s' if rows[1:] else ''} {', '.join(map(str, rows[:EXAMPLES]))}{more}"


def _puzzles(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
