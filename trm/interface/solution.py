"""What the solver answers: solutions, and the steps that led to them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trm.puzzles import grids
from trm.puzzles.drawing.picture import svg
from trm.puzzles.drawing.render import board
from trm.puzzles.spec import PuzzleSpec

Tokens = NDArray[np.int32]
Reason = Literal["verified", "halted", "stable", "budget"]  # why a chain stopped
Choice = Literal["only", "verified", "first", "halt_probability", "votes"]  # why its answer was given


@dataclass(frozen=True)
class SolveStep:
    """One chain of one puzzle after one supervision step."""

    index: int  # of the puzzle in the request
    chain: int  # of the puzzle, from 0; view number = chain // rollouts
    step: int  # from 1
    tokens: Tokens  # (L,) of the answer, mapped back from the chain's view
    halt_probability: float
    changed_cells: tuple[int, ...]  # since the step before; since the question at step 1
    verified: bool | None  # obeys the rules; None for kinds without rules
    halted: bool  # thinking ended here


@dataclass(frozen=True)
class Solution:
    """The answer to one puzzle, how sure the model is of it, and how it came to be given.

    Prints as a board, and shows as a picture in a notebook.
    """

    spec: PuzzleSpec
    question: Tokens  # (L,)
    tokens: Tokens  # (L,) of the answer: 0 is padding, `spec.symbols[i]` is i + 1
    verified: bool | None
    halt_probability: float  # of the chain whose answer this is
    steps: int  # supervision steps of that chain
    reason: Reason  # why that chain stopped
    chosen_by: Choice  # why its answer was given
    chain: int
    votes: int  # chains that ended with this answer
    chains: int  # chains that had ended when the answer was chosen
    total_steps: int  # supervision steps of all chains: what the answer cost
    trace: tuple[SolveStep, ...] | None  # of that chain

    @property
    def halted(self) -> bool:
        """Whether the chain stopped by itself rather than at the end of the budget."""
        return self.reason != "budget"

    @property
    def answer(self) -> str:
        """The answer's symbols, row by row, in one text."""
        return grids.text(self.spec, self.tokens)

    @property
    def rows(self) -> list[list[str]]:
        """The answer's symbols as rows."""
        return grids.rows(self.spec, self.tokens)

    @property
    def digits(self) -> NDArray[np.int32]:
        """The answer's numbers `(rows, cols)`, 0 for a blank and -1 for padding; raises PuzzleError for symbols that are none."""
        return grids.digits(self.spec, self.tokens)

    def __str__(self) -> str:
        return board(self.spec, self.tokens)

    def _repr_svg_(self) -> str:
        return svg(self.spec, self.tokens, givens=self.question)
