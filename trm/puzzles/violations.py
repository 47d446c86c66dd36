"""Why an answer is not one: which cells break which rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trm.errors import ContradictoryGivens, DatasetError, PuzzleError, RowProblem
from trm.puzzles import maze
from trm.puzzles.rules import check_many
from trm.puzzles.scoring import PADDING
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.units import units_of

Rule = Literal["given", "blank", "row", "column", "box", "region", "path"]
Tokens = NDArray[np.int32]


@dataclass(frozen=True)
class Violation:
    """A rule, and the cells that break it together, counted from 0, row by row."""

    rule: Rule
    cells: tuple[int, ...]
    sentence: str


def violations(spec: PuzzleSpec, question: Tokens, answer: Tokens) -> list[Violation]:
    """What keeps an answer `(L,)` from being right: changed givens first; nothing for a right one, and for kinds without rules."""
    if spec.kind == "maze":
        return list(_of_maze(spec, question, answer))
    return list(_of_units(spec, question, answer)) if spec.has_rules else []


def require_right(spec: PuzzleSpec, questions: Tokens, answers: Tokens) -> None:
    """Raise DatasetError listing the rows whose answer `(n, L)` breaks a rule or changes a given; kinds without rules are all right."""
    verdicts = check_many(spec, questions, answers)
    if verdicts is None or verdicts.all():
        return
    boxes = f" (boxes of {'x'.join(map(str, spec.box))})" if spec.box else ""
    problems = [
        RowProblem(int(i) + 1, ContradictoryGivens.code, violations(spec, questions[i], answers[i])[0].sentence + boxes)
        for i in np.flatnonzero(~verdicts)[: DatasetError.LISTED]
    ]
    wrong = f"{int((~verdicts).sum())} of {len(questions)} rows hold an answer that is not one."
    raise DatasetError(wrong, tuple(problems))


def _of_units(spec: PuzzleSpec, question: Tokens, answer: Tokens) -> Iterator[Violation]:
    symbol_is = "digit" if spec.kind == "sudoku" else "symbol"
    if spec.blank is not None and len(changed := np.flatnonzero((question != spec.blank) & (question != answer))):
        yield Violation("given", _cells(changed), f"{_places(spec, changed)} of the question was changed.")
    empty = (answer == PADDING) | (answer == spec.blank)
    if len(blank := np.flatnonzero(empty)):
        yield Violation("blank", _cells(blank), f"{_places(spec, blank)} holds no {symbol_is}.")
    for rule, number, cells in units_of(spec):
        unit = np.array(cells)
        for token in np.unique(answer[unit[~empty[unit]]]):
            twice = unit[answer[unit] == token]
            if len(twice) > 1:
                symbol = spec.symbols[token - 1]
                sentence = f"The {symbol_is} {symbol!r} stands {len(twice)} times in {rule} {number}."
                yield Violation(rule, _cells(twice), sentence)


def _of_maze(spec: PuzzleSpec, question: Tokens, answer: Tokens) -> Iterator[Violation]:
    changed = np.flatnonzero((answer != question) & ~((question == maze.OPEN) & (answer == maze.PATH)))
    if len(changed):
        yield Violation("given", _cells(changed), f"{_places(spec, changed)} of the question was changed.")
    if not maze.valid(spec, question[None], np.where(answer == maze.PATH, answer, question)[None]).all():
        yield Violation("path", _cells(np.flatnonzero(answer == maze.PATH)), _say_path(spec, question, answer))


def _say_path(spec: PuzzleSpec, question: Tokens, answer: Tokens) -> str:
    try:
        shortest = len(maze.shortest_path(spec, question)) - 2
    except PuzzleError as error:
        return str(error)  # no answer is right
    drawn = int((answer == maze.PATH).sum())
    return f"The {drawn} path cells are not a shortest path from start to goal, which has {shortest}."


def _cells(found: NDArray[np.intp]) -> tuple[int, ...]:
    return tuple(found.tolist())


def _places(spec: PuzzleSpec, cells: NDArray[np.intp]) -> str:
    row, column = divmod(int(cells[0]), spec.cols)
    more = f" (and {len(cells) - 1} more cells)" if len(cells) > 1 else ""
    return f"Row {row + 1}, column {column + 1}{more}"
