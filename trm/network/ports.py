"""How a grid enters the network and how an answer leaves it: one port for each kind of state.

Shapes: B puzzles, L grid cells, P prefix tokens, S tokens of the state, D hidden size, V vocabulary.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from trm.config.model import ModelConfig
from trm.puzzles.spec import PuzzleSpec

# logit of a symbol that cannot stand in a cell: bfloat16 and stablemax take it, unlike minus infinity
IMPOSSIBLE = -1e4
CERTAIN = 1e4  # logit of a given
PADDING_AND_BLANK = 2  # the first tokens of a Sudoku, which are no symbols
# rows of the embedding of candidates: given as this symbol, as another, not given
AS_THIS, AS_ANOTHER, BLANK = range(3)
MAZE_OPEN, MAZE_PATH = 2, 5


class Port(ABC):
    """The shape of the state, of the embedding table and of the answer head, and the way in and out."""

    tokens: int  # S
    embeddings: int  # rows of the embedding table
    outputs: int  # of the answer head, for each token

    @abstractmethod
    def embed(self, table: Tensor, inputs: Tensor, puzzle_rows: Tensor) -> Tensor:
        """Embeddings `(B, S, D)` of grids `(B, L)` and their rows of the puzzle table `(B, W)`, in the dtype of the table."""

    @abstractmethod
    def read(self, logits: Tensor, inputs: Tensor) -> Tensor:
        """Answer logits `(B, L, V)` of the answer head's outputs `(B, S, outputs)`."""

    def summary(self, y: Tensor) -> Tensor:
        """What the halting head reads `(B, D)` of the answer state `(B, S, D)`: the mean, unless it is another."""
        return y.mean(1)


class TokenPort(Port):
    """The paper's: a token for each cell, behind a prefix that carries the puzzle embedding, from its first token on."""

    def __init__(self, config: ModelConfig, puzzle: PuzzleSpec) -> None:
        self.prefix = config.prefix_tokens
        self.tokens = self.prefix + puzzle.cells
        self.embeddings = self.outputs = puzzle.vocab_size

    def embed(self, table: Tensor, inputs: Tensor, puzzle_rows: Tensor) -> Tensor:
        """The puzzle's row in the first channels of the prefix, zeros in the others, then the grid."""
        # (B, L, D); on a CPU the threads of an index's gradient add in any order, those of this one in the same
        grid = nn.functional.embedding(inputs, table)
        if self.prefix:
            free = self.prefix * grid.shape[2] - puzzle_rows.shape[1]
            prefix = nn.functional.pad(puzzle_rows.to(table.dtype), (0, free)).view(-1, self.prefix, grid.shape[2])
            grid = torch.cat((prefix, grid), dim=1)
        return grid

    def read(self, logits: Tensor, inputs: Tensor) -> Tensor:
        """The cells' logits."""
        return logits[:, self.prefix :]

    def summary(self, y: Tensor) -> Tensor:
        """The first token."""
        return y[:, 0]


class CandidatePort(Port):
    """A token for each symbol of each cell of a Sudoku of any size; an answer keeps the givens."""

    embeddings, outputs = 3, 1

    def __init__(self, puzzle: PuzzleSpec) -> None:
        self.symbols = puzzle.rows
        self.tokens = puzzle.cells * self.symbols

    def embed(self, table: Tensor, inputs: Tensor, puzzle_rows: Tensor) -> Tensor:
        """One of three vectors for each candidate."""
        given = self._mark_symbols(inputs)
        blank = (inputs < PADDING_AND_BLANK).unsqueeze(-1)
        row = torch.where(blank, BLANK, torch.where(given, AS_THIS, AS_ANOTHER))  # (B, L, symbols)
        return nn.functional.embedding(row.flatten(1), table)

    def read(self, logits: Tensor, inputs: Tensor) -> Tensor:
        """A logit for each symbol where the cell is blank; padding and blank are no answers."""
        free = logits.view(*inputs.shape, self.symbols)
        fixed = torch.where(self._mark_symbols(inputs), CERTAIN, IMPOSSIBLE).to(free.dtype)
        chosen = torch.where((inputs < PADDING_AND_BLANK).unsqueeze(-1), free, fixed)
        return nn.functional.pad(chosen, (PADDING_AND_BLANK, 0), value=IMPOSSIBLE)

    def _mark_symbols(self, inputs: Tensor) -> Tensor:
        symbols = torch.arange(PADDING_AND_BLANK, PADDING_AND_BLANK + self.symbols, device=inputs.device)
        return inputs.unsqueeze(-1) == symbols  # (B, L, symbols)


class CellPort(Port):
    """A token for each cell of a grid of any height and width; in a maze an answer keeps everything but open cells."""

    def __init__(self, puzzle: PuzzleSpec) -> None:
        self.tokens, self.is_maze = puzzle.cells, puzzle.kind == "maze"
        self.embeddings = self.outputs = puzzle.vocab_size

    def embed(self, table: Tensor, inputs: Tensor, puzzle_rows: Tensor) -> Tensor:
        """The embedding of every cell's token."""
        return nn.functional.embedding(inputs, table)

    def read(self, logits: Tensor, inputs: Tensor) -> Tensor:
        """A logit for each token; in a maze an open cell stays open or becomes path, every other cell stays what it is."""
        if not self.is_maze:
            return logits
        tokens = torch.arange(logits.shape[-1], device=inputs.device)
        is_open = (inputs == MAZE_OPEN).unsqueeze(-1)
        fixed = torch.where(inputs.unsqueeze(-1) == tokens, CERTAIN, IMPOSSIBLE).to(logits.dtype)
        choice = torch.where((tokens == MAZE_OPEN) | (tokens == MAZE_PATH), logits, IMPOSSIBLE)
        return torch.where(is_open, choice, fixed)


def make_port(config: ModelConfig, puzzle: PuzzleSpec) -> Port:
    """Create the port that a mixer needs."""
    if config.mixer == "units":
        return CandidatePort(puzzle)
    return CellPort(puzzle) if config.any_size else TokenPort(config, puzzle)
