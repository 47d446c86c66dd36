"""Bodies that know the puzzle's geometry: layers that pass messages along it instead of mixing a row of tokens.

Ours, not the paper's: units are the idea of Recurrent Relational Networks (arXiv 1711.08028) and of SE-RRM (arXiv 2603.02193), and
neighbours that of recurrent convolutions. Their weights depend on no size, so that one set of them answers puzzles of every size.
Shapes: B puzzles, S tokens, D hidden size, W = 2 inner.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm.config.model import ModelConfig
from trm.network.layers import Linear, gate, rms_norm
from trm.puzzles.spec import PuzzleSpec

# of every sum: nine terms of deviation 1 have deviation 3; the same for all sizes, so that a sum counts the same
SCALE = 1 / 3


class MessageLayer(nn.Module, ABC):
    """x <- norm(x + down(gated(own x + messages)))."""

    messages: ClassVar[tuple[str, ...]]  # what a token hears of itself and others

    def __init__(self, config: ModelConfig, puzzle: PuzzleSpec) -> None:
        super().__init__()
        self.puzzle, self.config = puzzle, config
        width, inner = config.hidden_size, round(config.expansion * config.hidden_size)
        self.add_matrices(width, 2 * inner)
        self.down = Linear(inner, width)

    def add_matrices(self, inputs: int, outputs: int) -> None:
        """Create a matrix for each message."""
        for name in self.messages:
            setattr(self, name, Linear(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, S, D) -> (B, S, D)`."""
        # gated before it is flattened: the compiler then adds the messages and gates them in one loop
        inner = gate(self.gather(x), -1, self.config)
        out: Tensor = rms_norm(x + self.down(inner.view(*x.shape[:2], -1)), self.config.norm_epsilon)
        return out

    @abstractmethod
    def gather(self, x: Tensor) -> Tensor:
        """What every token holds and hears, `(B, S, D) -> (B, .., W)`, the axes of the grid between."""


class Units(MessageLayer):
    """Messages between the candidates of a Sudoku: one token for each symbol of each cell, S = cells * symbols.

    A candidate hears the sum over its cell's symbols, and for its own symbol the sums over its row, column and box; in a jigsaw its
    region is its box, so that weights that were trained with boxes take regions too. Rows and columns share a matrix. Nothing tells
    cells, units or symbols apart: the layer commutes with every symmetry of Sudoku.
    """

    messages = ("own", "cell", "line", "box")
    own: Linear
    cell: Linear
    line: Linear
    box: Linear
    same_region: Tensor | None

    def __init__(self, config: ModelConfig, puzzle: PuzzleSpec) -> None:
        super().__init__(config, puzzle)
        matrix = None
        if puzzle.regions is not None:
            names = np.array(list(puzzle.regions))
            matrix = torch.from_numpy((names[:, None] == names).astype(np.float32))  # (L, L), 1 within a region
        self.register_buffer("same_region", matrix, persistent=False)  # part of the puzzle, not of what was learnt

    def gather(self, x: Tensor) -> Tensor:
        """`(B, S, D) -> (B, bands, rows, stacks, columns, symbols, W)`."""
        size = self.puzzle.rows
        height, width = self.puzzle.box or (1, size)
        # bands of rows, stacks of columns: a row, a column and a box are sums over two axes
        grid = x.view(x.shape[0], size // height, height, size // width, width, size, x.shape[-1])
        along = grid.sum(4, keepdim=True)  # a row within a stack: part of both a row and a box
        heard: Tensor = self.own(grid)
        heard += self._hear(self.line, along.sum(3, keepdim=True)) + self._hear(self.box, self._sum_boxes(grid, along))
        heard += self._hear(self.line, grid.sum((1, 2), keepdim=True))
        heard += self._hear(self.cell, grid.sum(5, keepdim=True))
        return heard

    def _hear(self, matrix: Linear, sums: Tensor) -> Tensor:
        heard: Tensor = matrix(sums * SCALE)
        return heard

    def _sum_boxes(self, grid: Tensor, along: Tensor) -> Tensor:
        if self.same_region is None:
            return along.sum(2, keepdim=True)
        cells = grid.reshape(len(grid), self.puzzle.cells, -1)
        return (self.same_region.to(grid.dtype) @ cells).view_as(grid)


class Neighbours(MessageLayer):
    """Messages between the cells of a grid of any height and width, S = rows * cols.

    A cell hears the sums over its four neighbours and over the four diagonal ones, and the mean of the whole grid. No direction has a
    matrix of its own: the layer commutes with the eight symmetries of a square.
    """

    messages: ClassVar[tuple[str, ...]] = ("own", "beside", "diagonal", "everywhere")
    heard: Linear

    def add_matrices(self, inputs: int, outputs: int) -> None:
        """One matrix for all messages side by side: one product instead of several whose results are added."""
        self.heard = Linear(len(self.messages) * inputs, outputs)

    def gather(self, x: Tensor) -> Tensor:
        """`(B, S, D) -> (B, rows, columns, W)`."""
        grid = x.view(x.shape[0], self.puzzle.rows, self.puzzle.cols, x.shape[-1])
        heard: Tensor = self.heard(torch.cat(self.listen(grid), dim=-1))
        return heard

    def listen(self, grid: Tensor) -> tuple[Tensor, ...]:
        """The messages `(B, rows, cols, D)` that every cell of a grid of the same shape hears."""
        wide = F.pad(grid, (0, 0, 1, 1, 1, 1))  # nothing beyond the border
        above, below, left, right = beside(wide)
        diagonal = wide[:, :-2, :-2] + wide[:, :-2, 2:] + wide[:, 2:, :-2] + wide[:, 2:, 2:]
        everywhere = grid.mean((1, 2), keepdim=True).expand_as(grid)
        return grid, (above + below + left + right) * SCALE, diagonal * SCALE, everywhere


class DirectedNeighbours(Neighbours):
    """Messages between the cells of a grid, those from above, below, left and right each with weights of their own.

    It knows directions, and so can learn a rule such as "of several shortest paths the one that goes down first".
    """

    messages = ("own", "above", "below", "left", "right")

    def listen(self, grid: Tensor) -> tuple[Tensor, ...]:
        """The messages `(B, rows, cols, D)` that every cell of a grid of the same shape hears."""
        return grid, *beside(F.pad(grid, (0, 0, 1, 1, 1, 1)))


def beside(wide: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """For every cell of a grid the one above, below, left and right of it; the grid comes with a border around it."""
    return wide[:, :-2, 1:-1], wide[:, 2:, 1:-1], wide[:, 1:-1, :-2], wide[:, 1:-1, 2:]
