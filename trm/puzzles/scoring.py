"""Which cells of an answer are right, and the mean over what was asked."""

import numpy as np
from numpy.typing import NDArray

IGNORED = -100  # a label that is not scored

PADDING = 0  # the token of cells that no answer fills


def right_cells(given: NDArray[np.int32], answers: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which cells `(n, L)` are right; padding of the answer is not asked for, and always right."""
    right: NDArray[np.bool_] = (given == answers) | (answers == PADDING)
    return right


def find_answered(answers: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which puzzles `(n,)` have a known answer: all others cannot be scored."""
    known: NDArray[np.bool_] = (answers != PADDING).any(1)
    return known


def mean(values: NDArray[np.bool_] | NDArray[np.floating]) -> float | None:
    """The mean; None for that of nothing, which is neither right nor wrong."""
    return float(values.mean()) if values.size else None
