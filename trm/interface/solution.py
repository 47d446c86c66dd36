"""What the solver answers: solutions, and the steps that led to them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trm.errors import PuzzleError
from trm.puzzles import grids
from trm.puzzles.drawing.picture import svg
from trm.puzzles.drawing.render import plain
from trm.puzzles.reading.boards import INTEGER
from trm.puzzles.spec import PuzzleSpec

Tokens = NDArray[np.int32]
Reason = Literal["verified", "halted", "stable", "budget"]  # why a chain stopped
Choice = Literal["only", "verified", "first", "halt_probability", "votes"]  # why its answer was given


@dataclass(frozen=True)
class Answer:
    """An answer, as tokens, in the symbols of the puzzle, and as numbers; prints as a board, and shows as a picture in a notebook."""

    spec: PuzzleSpec
    question: Tokens  # (L,)
    tokens: Tokens  # (L,) 0 is padding, `spec.symbols[i]` is token i + 1

    @property
    def answer(self) -> str:
        """The symbols in one text, row by row, as a puzzle is given."""
        return grids.text(self.spec, self.tokens)

    @property
    def board(self) -> list[list[str]]:
        """The symbols in rows."""
        return grids.rows(self.spec, self.tokens)

    @property
    def digits(self) -> NDArray[np.int32]:
        """The numbers in the cells `(rows, cols)`, 0 for a blank of a Sudoku; raises PuzzleError where symbols are not numbers."""
        if self.spec.kind == "sudoku":
            values = np.arange(-1, len(self.spec.symbols)).clip(0)  # the first digit is 1, however it is written
        elif all(INTEGER.fullmatch(symbol) for symbol in self.spec.symbols):
            values = np.array([0, *map(int, self.spec.symbols)])
        else:
            raise PuzzleError(f"Symbols of this {self.spec.kind} are not numbers. Use `board` or `answer`.")
        numbers: NDArray[np.int32] = values[self.tokens].astype(np.int32)
        return numbers.reshape(self.spec.rows, self.spec.cols)

    def __str__(self) -> str:
        return plain(self.spec, self.tokens)

    def _repr_svg_(self) -> str:
        return svg(self.spec, self.tokens, givens=self.question)


@dataclass(frozen=True)
class SolveStep(Answer):
    """One chain of one puzzle after one supervision step; its answer is mapped back from the chain's view."""

    index: int  # of the puzzle in the request
    chain: int  # of the puzzle, from 0; view number = chain // rollouts
    step: int  # from 1
    halt_probability: float
    changed_cells: tuple[int, ...]  # since the step before; since the question at step 1
    verified: bool | None  # obeys the rules; None for kinds without rules
    halted: bool  # thinking ended here


@dataclass(frozen=True)
class Solution(Answer):
    """The answer to one puzzle, how sure the model is of it, and how it came to be given."""

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
