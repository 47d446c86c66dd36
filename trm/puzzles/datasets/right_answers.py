"""Whether the answers of a table are right, and if not, what is wrong with which."""

import numpy as np
from numpy.typing import NDArray

from trm.errors import ContradictoryGivens, DatasetError, RowProblem
from trm.puzzles import maze
from trm.puzzles.rules import check_many, conflicts
from trm.puzzles.spec import PuzzleSpec


def require_right(spec: PuzzleSpec, questions: NDArray[np.int32], answers: NDArray[np.int32]) -> None:
    """Raise DatasetError listing the rows whose answer `(n, L)` breaks a rule or changes a given; kinds without rules are all right."""
    verdicts = check_many(spec, questions, answers)
    if verdicts is None or verdicts.all():
        return
    problems = [
        RowProblem(int(i) + 1, ContradictoryGivens.code, _wrong(spec, questions[i], answers[i]))
        for i in np.flatnonzero(~verdicts)[: DatasetError.LISTED]
    ]
    raise DatasetError(
        f"{int((~verdicts).sum())} of {len(questions)} rows hold an answer that is not one.", tuple(problems)
    )


def _wrong(spec: PuzzleSpec, question: NDArray[np.int32], answer: NDArray[np.int32]) -> str:
    """What is wrong with an answer, by row and column where that can be said."""
    free = maze.OPEN if spec.kind == "maze" else spec.blank
    changed = np.flatnonzero((question != answer) & (question != free))
    if free is not None and len(changed):
        return f"the answer does not keep the givens: {_at(spec, int(changed[0]))} is given and differs"
    if spec.kind != "maze":
        blank = np.flatnonzero(answer == spec.blank)
        if len(blank):
            return f"the answer has a blank at {_at(spec, int(blank[0]))}"
        a, b = conflicts(spec, answer)[0]
        what = "symbol" if spec.kind == "grid" else "digit"
        boxes = f" (boxes of {'x'.join(map(str, spec.box))})" if spec.box else ""
        return f"the answer breaks the rules: {_at(spec, a)} and {_at(spec, b)} hold the same {what}{boxes}"
    return "the answer breaks the rules: it draws no shortest path from S to G"


def _at(spec: PuzzleSpec, cell: int) -> str:
    return f"row {cell // spec.cols + 1}, column {cell % spec.cols + 1}"
