"""Why an answer is not one: which cells break which rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trm.puzzles import maze
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import BLANK, units

Rule = Literal["given", "blank", "row", "column", "box", "path"]
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
    return [] if spec.box is None else list(_of_sudoku(spec, spec.box, question, answer))


def _of_sudoku(spec: PuzzleSpec, box: tuple[int, int], question: Tokens, answer: Tokens) -> Iterator[Violation]:
    changed = np.flatnonzero((question != BLANK) & (question != answer))
    if len(changed):
        yield Violation("given", _cells(changed), f"{_places(spec, changed)} of the question was changed.")
    if len(blank := np.flatnonzero(answer <= BLANK)):
        yield Violation("blank", _cells(blank), f"{_places(spec, blank)} holds no digit.")
    for number, unit in enumerate(units(box)):
        rule: Rule = ("row", "column", "box")[number // spec.rows]
        for token in np.unique(answer[unit]):
            twice = unit[answer[unit] == token]
            if token > BLANK and len(twice) > 1:
                digit, place = spec.symbols[token - 1], number % spec.rows + 1
                yield Violation(
                    rule, _cells(twice), f"The digit {digit!r} stands {len(twice)} times in {rule} {place}."
                )


def _of_maze(spec: PuzzleSpec, question: Tokens, answer: Tokens) -> Iterator[Violation]:
    changed = np.flatnonzero((answer != question) & ~((question == maze.OPEN) & (answer == maze.PATH)))
    if len(changed):
        yield Violation("given", _cells(changed), f"{_places(spec, changed)} of the question was changed.")
    if not maze.valid(spec, question[None], np.where(answer == maze.PATH, answer, question)[None]).all():
        drawn, shortest = np.flatnonzero(answer == maze.PATH), len(maze.shortest_path(spec, question)) - 2
        sentence = f"The {len(drawn)} path cells are not a shortest path from start to goal, which has {shortest}."
        yield Violation("path", _cells(drawn), sentence)


def _cells(found: NDArray[np.intp]) -> tuple[int, ...]:
    return tuple(found.tolist())


def _places(spec: PuzzleSpec, cells: NDArray[np.intp]) -> str:
    row, column = divmod(int(cells[0]), spec.cols)
    more = f" (and {len(cells) - 1} more cells)" if len(cells) > 1 else ""
    return f"Row {row + 1}, column {column + 1}{more}"
