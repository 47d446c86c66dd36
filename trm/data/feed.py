"""The order in which training puzzles enter free slots."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor

from trm.data.augment import augment, maze_images
from trm.errors import ConfigError
from trm.network.device import on_device
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.scoring import IGNORED
from trm.puzzles.spec import PuzzleSpec


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """The order `(count,)` of a pass over the puzzles, epochs counted from 0: the official sampler's, for one epoch an iteration."""
    return torch.from_numpy(np.random.Generator(np.random.Philox(seed + epoch + 1)).permutation(count))


class Passes(ABC):
    """Endless passes over training examples, each in an order of its own."""

    def seek(self, epoch: int, position: int) -> None:
        """Continue from a recorded place."""
        self.epoch, self.position, self.order = epoch, position, self.make_order(epoch)

    def take_places(self, count: int) -> Tensor:
        """The next `count` entries of the orders."""
        parts, missing = [self.order[:0]], count
        while missing:
            parts.append(self.order[self.position : self.position + missing])
            missing, self.position = missing - len(parts[-1]), self.position + len(parts[-1])
            if self.position == len(self.order):
                self.seek(self.epoch + 1, 0)
        return torch.cat(parts)

    @abstractmethod
    def make_order(self, epoch: int) -> Tensor:
        """What a pass goes through, an entry for each example; epochs are counted from 0."""

    @abstractmethod
    def take(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """The next `count` questions and labels `(count, L)`, padding ignored, and their puzzle ids `(count,)`."""


class Feed(Passes):
    """Endless passes over the training puzzles, each in its own random order, augmented as they leave.

    Every puzzle offered is trained on, unlike in the official loader, which drops the rows of slots that have not halted.
    """

    def __init__(
        self,
        puzzles: PuzzleSet,
        *,
        augmented: bool,
        seed: int,
        device: torch.device,
        hard_share: float | None = None,
        hard_rating: int = 1,
        replacement: bool = False,
    ) -> None:
        """With `replacement` there are no passes: puzzles are drawn at random.

        With `hard_share` they are too, that share of them from those rated `hard_rating` or more.

        Raises ConfigError where no puzzle, or every one, is rated so.
        """
        self.spec: PuzzleSpec = puzzles.spec
        self.augmented = augmented and self.spec.kind == "sudoku"
        tables = (puzzles.questions, puzzles.answers)
        if augmented and self.spec.kind == "maze":
            tables = maze_images(self.spec, puzzles.questions)
        self.count, self.seed = len(puzzles), seed
        self.images = len(tables[0]) // self.count  # of every puzzle, one after the other
        self.questions, self.answers = (torch.from_numpy(table).to(device) for table in tables)  # (n images, L)
        self.hard_share, self.replacement = hard_share, replacement
        if hard_share is not None:
            self.pools = _split_by_rating(puzzles, hard_rating)
        self.seek(0, 0)

    def make_order(self, epoch: int) -> Tensor:
        """The puzzles of a pass."""
        return epoch_order(self.count, self.seed, epoch)

    def take(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """The next `count` questions and labels `(count, L)`, padding ignored, and their puzzle ids `(count,)`."""
        if self.hard_share is not None:
            rows = self._draw_rows(count, self.hard_share, generator)
        elif self.replacement:
            rows = torch.randint(self.count, (count,), generator=generator)
        else:
            rows = self.take_places(count)
        if self.images > 1:
            rows = rows * self.images + torch.randint(self.images, (count,), generator=generator)
        rows = on_device(rows, self.questions.device)
        questions, answers = self.questions[rows].int(), self.answers[rows].int()
        if self.augmented:
            questions, answers = augment(self.spec, questions, answers, generator)
        return questions, answers.masked_fill(answers == 0, IGNORED), torch.zeros_like(rows)

    def _draw_rows(self, count: int, hard_share: float, generator: torch.Generator) -> Tensor:
        is_hard = torch.rand(count, generator=generator) < hard_share
        easy, hard = (pool[torch.randint(len(pool), (count,), generator=generator)] for pool in self.pools)
        return torch.where(is_hard, hard, easy)


def _split_by_rating(puzzles: PuzzleSet, hard_rating: int) -> tuple[Tensor, Tensor]:
    """Rows of the puzzles rated lower, and of the others."""
    is_hard = np.zeros(len(puzzles), dtype=bool) if puzzles.ratings is None else puzzles.ratings >= hard_rating
    easy, hard = np.flatnonzero(~is_hard), np.flatnonzero(is_hard)
    if not len(easy) or not len(hard):
        raise ConfigError(
            f"train.hard_share needs puzzles rated below {hard_rating} and others: this data set has {len(easy)} and {len(hard)}. "
            "Leave hard_share out, or choose another hard_rating."
        )
    return torch.from_numpy(easy), torch.from_numpy(hard)
