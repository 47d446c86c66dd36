"""A guess: an undecided cell of a Sudoku, filled with a draw from the network's own probabilities, as if it were given.

A network that has learnt to follow what is forced gets on from there; a wrong guess ends in an answer that the rules refuse, and the
chain begins again without its guesses; the first rounds go without any. This is search by restarts, with a network instead of a rule
for what follows from what.
Shapes: L grid cells, V vocabulary.
"""

import torch
from torch import Tensor

from trm.puzzles.sudoku import BLANK

# rounds without guesses: most puzzles are solved in them, and a first guess that is wrong would have kept them from it
FREE_ROUNDS = 2
DECIDED = 0.9  # probability from which a cell counts as settled: filling it in would tell the network nothing


def draw_guess(logits: Tensor, inputs: Tensor, generator: torch.Generator) -> tuple[int, int] | None:
    """The surest of the undecided blanks and a token for it, given logits `(L, V)` and a grid `(L,)`; None if all are decided.

    The surest one, since a guess is wrong as often as the network is unsure of it, and every one narrows the rest.
    """
    probabilities = logits.float().softmax(-1)
    surest = probabilities.amax(-1)
    surest = torch.where((inputs == BLANK) & (surest < DECIDED), surest, -1.0)
    cell = int(surest.argmax())
    if surest[cell] < 0:
        return None
    return cell, int(torch.multinomial(probabilities[cell], 1, generator=generator))
