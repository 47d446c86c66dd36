"""Whether an answer obeys the rules of its kind."""

import numpy as np
from numpy.typing import NDArray

from trm.errors import ContradictoryGivens
from trm.puzzles import maze
from trm.puzzles.scoring import PADDING
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.units import peer_pairs, stacked_units

TOGETHER = 4096  # Sudokus that are looked at together: their groups take six times the memory of the cells


def check_many(spec: PuzzleSpec, questions: NDArray[np.int32], answers: NDArray[np.int32]) -> NDArray[np.bool_] | None:
    """For each pair `(N, L)` whether the givens are kept and every rule is obeyed; None for kinds without rules.

    A maze is right with any of its shortest paths, not only with the one that its label shows.
    """
    if spec.kind == "maze":
        return maze.valid(spec, questions, answers)
    if not spec.has_rules:
        return None
    parts = [slice(i, i + TOGETHER) for i in range(0, len(questions), TOGETHER)]
    return np.concatenate([_check_units(spec, questions[p], answers[p]) for p in parts] or [np.zeros(0, np.bool_)])


def _check_units(spec: PuzzleSpec, questions: NDArray[np.int32], answers: NDArray[np.int32]) -> NDArray[np.bool_]:
    filled: NDArray[np.bool_] = answers > PADDING
    if spec.blank is not None:
        kept = (questions == answers) | (questions == spec.blank)
        filled = filled & (answers != spec.blank) & kept
    obeyed = np.asarray(filled.all(1))
    for units in stacked_units(spec):
        groups = np.sort(answers[:, units], axis=-1)  # (N, units, size)
        np.logical_and(obeyed, (groups[..., 1:] != groups[..., :-1]).all((1, 2)), out=obeyed)
    return obeyed


def check(spec: PuzzleSpec, question: NDArray[np.int32], answer: NDArray[np.int32]) -> bool | None:
    """Check one pair `(L,)`."""
    verdicts = check_many(spec, question[None], answer[None])
    return None if verdicts is None else bool(verdicts[0])


def conflicts(spec: PuzzleSpec, tokens: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Pairs of cells that clash: the same symbol in one row, column, box or region; a second start or goal. Each pair once."""
    if spec.kind == "maze":
        return maze.conflicts(tokens)
    first, second = peer_pairs(spec)
    clash = (tokens[first] == tokens[second]) & (tokens[first] != PADDING) & (tokens[first] != spec.blank)
    return list(zip(first[clash].tolist(), second[clash].tolist(), strict=True))


def require_consistent(spec: PuzzleSpec, tokens: NDArray[np.int32]) -> None:
    """Raise ContradictoryGivens, naming the two cells, when givens break a rule between them.

    For mazes also when start or goal is missing, and UnsolvablePuzzle when no way leads from one to the other.
    """
    if spec.kind == "maze":
        maze.shortest_path(spec, tokens)
    for a, b in conflicts(spec, tokens):
        first, second = (f"row {cell // spec.cols + 1} column {cell % spec.cols + 1}" for cell in (a, b))
        raise ContradictoryGivens(f"The given {spec.symbols[tokens[a] - 1]!r} at {first} stands again at {second}.")
