"""The order in which training puzzles enter free slots."""

import torch
from torch import Tensor

from trm.augment import augment
from trm.config import PuzzleSpec
from trm.puzzles.datasets import PuzzleSet


class Feed:
    """Endless passes over the training puzzles, each in its own random order, augmented as they leave.

    Every puzzle offered is trained on, unlike in the official loader, which drops the rows of slots that have not halted.
    """

    def __init__(self, puzzles: PuzzleSet, *, augmented: bool, seed: int, device: torch.device) -> None:
        self.spec: PuzzleSpec = puzzles.spec
        self.questions = torch.from_numpy(puzzles.questions).to(device)  # (n, L)
        self.answers = torch.from_numpy(puzzles.answers).to(device)
        self.augmented, self.seed = augmented, seed
        self.epoch = self.position = 0
        self.order = self._shuffled()

    def _shuffled(self) -> Tensor:
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + self.epoch) % 2**63)
        return torch.randperm(len(self.questions), generator=generator)

    def seek(self, epoch: int, position: int) -> None:
        """Go on from a recorded place."""
        self.epoch, self.position = epoch, position
        self.order = self._shuffled()

    def take(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The next `count` questions and answers, `(count, L)` each."""
        rows = torch.empty(count, dtype=torch.int64)
        filled = 0
        while filled < count:
            part = self.order[self.position : self.position + count - filled]
            rows[filled : filled + len(part)] = part
            filled, self.position = filled + len(part), self.position + len(part)
            if self.position == len(self.order):
                self.seek(self.epoch + 1, 0)
        rows = rows.to(self.questions.device)
        questions, answers = self.questions[rows], self.answers[rows]
        return augment(self.spec, questions, answers, generator) if self.augmented else (questions, answers)
