"""Which cells of an answer are right."""

import numpy as np
from numpy.typing import NDArray

IGNORED = -100  # a label that is not scored

PADDING = 0  # the token of cells that no answer fills


def right_cells(given: NDArray[np.int32], answers: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which cells `(n, L)` are right; padding of the answer is not asked for, and always right."""
    right: NDArray[np.bool_] = (given == answers) | (answers == PADDING)
    return right
