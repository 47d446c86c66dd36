"""The order in which ARC training examples enter free slots, drawn on the device as they do."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trm.data.feed import Passes
from trm.network.device import on_device
from trm.puzzles.arc.sets import FIRST_ID, ArcSets
from trm.puzzles.arc_grids import COLOURS, END, FIRST_COLOUR, PAD, SIDE, SPEC
from trm.puzzles.scoring import IGNORED

# bit d is about dihedral map d: its cell (i, j) is the old one at these, with i and j swapped or counted from the end
SWAPPED = 0b11001010
ROWS_FROM_END = 0b10101100
COLS_FROM_END = 0b10010110


@dataclass(frozen=True, eq=False)
class Tables:
    """All pairs and variants, on the device: 8 MB of pairs and 10 MB of variants for ARC-AGI-1."""

    grids: Tensor  # (pairs, 2, 900) uint8 colours of question and answer, at the top left
    sizes: Tensor  # (pairs, 2, 2) int64: height and width
    dihedral: Tensor  # (puzzles,) int64
    colours: Tensor  # (puzzles, 10) uint8

    @classmethod
    def of(cls, sets: ArcSets, device: torch.device) -> Self:
        """The tables of the training split."""
        pairs = [pair for group in sets.groups for pair in group.train]
        grids = np.zeros((len(pairs), 2, SIDE, SIDE), dtype=np.uint8)
        sizes = np.zeros((len(pairs), 2, 2), dtype=np.int64)
        for at, pair in enumerate(pairs):
            for side, grid in enumerate((pair.question, pair.answer)):
                if grid is not None:  # in a training split every pair has an answer
                    grids[at, side, : grid.shape[0], : grid.shape[1]] = grid
                    sizes[at, side] = grid.shape
        dihedral = np.concatenate([group.variants.dihedral for group in sets.groups]).astype(np.int64)
        colours = np.concatenate([group.variants.colours for group in sets.groups])
        flat = grids.reshape(len(pairs), 2, SPEC.cells)
        return cls(*(torch.from_numpy(table).to(device) for table in (flat, sizes, dihedral, colours)))


class ArcFeed(Passes):
    """Endless passes over the tasks: of each one random variant, all its examples in random order, randomly translated.

    Unlike the official loader, which cuts off the examples that do not fit into a batch, the next take continues with them.
    Translations are drawn again each time; there they are drawn once, and one example of each variant has none.
    """

    def __init__(self, sets: ArcSets, *, augmented: bool, seed: int, device: torch.device) -> None:
        self.spec = SPEC
        self.augmented, self.seed, self.device = augmented, seed, device
        self.tables = Tables.of(sets, device)
        self.puzzles = _ends([len(group.variants) for group in sets.groups])
        self.pairs = _ends([len(group.train) for group in sets.groups])
        self.seek(0, 0)

    def take(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """The next `count` questions and labels `(count, 900)` int32, padding ignored, and puzzle ids `(count,)` int64."""
        puzzle, pair, examples = on_device(self.take_places(count), self.device).unbind(1)
        draws = on_device(torch.rand(count, 3, generator=generator), self.device)
        sizes, dihedral = self.tables.sizes[pair], self.tables.dihedral[puzzle]
        offset = torch.zeros(count, 2, dtype=torch.int64, device=self.device)
        if self.augmented:
            moved = draws[:, 2:] * examples.unsqueeze(1) >= 1  # all but one of a variant's examples, on average
            offset = offsets(sizes, dihedral, draws[:, :2]) * moved
        tokens = canvases(self.tables.grids[pair], sizes, dihedral, self.tables.colours[puzzle], offset)
        questions, answers = tokens.unbind(1)
        return questions, answers.masked_fill(answers == PAD, IGNORED), puzzle + FIRST_ID

    def make_order(self, epoch: int) -> Tensor:
        """Puzzle, pair and number of examples of its task, `(examples, 3)`, for every example of the epoch.

        Tasks and variants are those of the official sampler with one epoch in an iteration, which counts them from 1.
        """
        rng = np.random.Generator(np.random.Philox(self.seed + epoch + 1))
        groups = rng.permutation(len(self.puzzles) - 1)
        first, last = self.puzzles[:-1], self.puzzles[1:]
        puzzles = np.array([rng.integers(first[g], last[g]) for g in groups]) if self.augmented else first[groups]
        examples = np.diff(self.pairs)[groups]
        pairs = np.concatenate([rng.permutation(np.arange(self.pairs[g], self.pairs[g + 1])) for g in groups])
        order = np.stack((np.repeat(puzzles, examples), pairs, np.repeat(examples, examples)), axis=1)
        return torch.from_numpy(order)


def offsets(sizes: Tensor, dihedral: Tensor, draws: Tensor) -> Tensor:
    """Top left cells `(K, 2)`, uniform over those at which question and answer both fit, from draws `(K, 2)` in [0, 1)."""
    largest = _turn_sizes(sizes, dihedral).amax(dim=1)  # (K, 2)
    return (draws * (SIDE - largest + 1)).long()


def canvases(grids: Tensor, sizes: Tensor, dihedral: Tensor, colours: Tensor, offset: Tensor) -> Tensor:
    """Tokens `(K, 2, 900)` int32 of pairs `(K, 2, 900)` under variants, put at an offset `(K, 2)` with end markers around.

    `sizes` `(K, 2, 2)`: heights and widths before turning; `dihedral` `(K,)`; `colours` `(K, 10)`.
    """
    height, width = (size[..., None, None] for size in _turn_sizes(sizes, dihedral).unbind(2))  # (K, 2, 1, 1)
    line = torch.arange(SIDE, device=grids.device)
    rows = line.view(1, 1, -1, 1) - offset[:, 0].view(-1, 1, 1, 1)  # (K, 1, 30, 1), of the turned grid
    cols = line.view(1, 1, 1, -1) - offset[:, 1].view(-1, 1, 1, 1)  # (K, 1, 1, 30)
    in_rows, in_cols = (rows >= 0) & (rows < height), (cols >= 0) & (cols < width)
    ends = ((rows == height) & in_cols) | ((cols == width) & in_rows)  # (K, 2, 30, 30)
    old = grids.gather(2, _sources(sizes, dihedral, rows, cols)).long()
    tokens = colours.unsqueeze(1).expand(-1, 2, COLOURS).gather(2, old).int() + FIRST_COLOUR
    return torch.where((in_rows & in_cols).flatten(2), tokens, torch.where(ends.flatten(2), END, PAD).int())


def _sources(sizes: Tensor, dihedral: Tensor, rows: Tensor, cols: Tensor) -> Tensor:
    """The old cell `(K, 2, 900)` for every cell of a turned grid; anything valid outside of it."""
    swapped, flip_rows, flip_cols = (
        _bit(bits, dihedral).view(-1, 1, 1, 1) for bits in (SWAPPED, ROWS_FROM_END, COLS_FROM_END)
    )
    old_rows, old_cols = torch.where(swapped, cols, rows), torch.where(swapped, rows, cols)
    height, width = (size[..., None, None] for size in sizes.unbind(2))
    old_rows = torch.where(flip_rows, height - 1 - old_rows, old_rows)
    old_cols = torch.where(flip_cols, width - 1 - old_cols, old_cols)
    cells = (old_rows * SIDE + old_cols).clamp(0, SPEC.cells - 1)
    return cells.expand(-1, 2, -1, -1).flatten(2)


def _turn_sizes(sizes: Tensor, dihedral: Tensor) -> Tensor:
    """Heights and widths `(K, 2, 2)` after turning."""
    return torch.where(_bit(SWAPPED, dihedral).view(-1, 1, 1), sizes.flip(2), sizes)


def _bit(bits: int, dihedral: Tensor) -> Tensor:
    """Whether the bit of each map is set `(K,)`, without a table that would have to be sent to the device."""
    return torch.bitwise_right_shift(bits, dihedral) % 2 == 1


def _ends(counts: list[int]) -> NDArray[np.int64]:
    """Offsets of the parts and the end of the last one, `(parts + 1,)`."""
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
