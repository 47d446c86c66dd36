"""The best weights so far by the validation split, and when to stop looking for better ones."""

import torch
from torch import Tensor

from trm.config.train import TrainConfig
from trm.interface.events import Evaluated


class Best:
    """Remembers the evaluation that no later one has beaten, and its weights where the configuration keeps them.

    Better means more puzzles exactly right, then more cells right.
    """

    def __init__(self, config: TrainConfig) -> None:
        self.keeps, self.patience = config.keep_best, config.patience
        self.score: tuple[float, float] | None = None
        self.step = self.since = 0  # of the best evaluation; evaluations after it
        self.weights: dict[str, Tensor] = {}

    @property
    def is_stale(self) -> bool:
        """Whether patience has run out."""
        return self.patience is not None and self.since >= self.patience

    def offer(self, result: Evaluated, weights: dict[str, Tensor]) -> None:
        """Take note of an evaluation made with these weights, which no longer change."""
        if result.exact_accuracy is None or result.cell_accuracy is None:
            return  # without answers to compare with none is better
        score = (result.exact_accuracy, result.cell_accuracy)
        if self.score is not None and score <= self.score:
            self.since += 1
            return
        self.score, self.step, self.since = score, result.step, 0
        if self.keeps:
            self.weights = weights

    def summary(self) -> dict[str, float | None]:
        """What a checkpoint's metrics say of it."""
        exact, cells = self.score or (None, None)
        return {"best_exact_accuracy": exact, "best_cell_accuracy": cells}

    def progress(self) -> dict[str, int]:
        """What resuming needs beside weights and metrics."""
        return {"best_step": self.step, "since_best": self.since}

    def load(
        self,
        weights: dict[str, Tensor],
        progress: dict[str, int],
        metrics: dict[str, float | None],
        device: torch.device,
    ) -> None:
        """Continue from what a checkpoint recorded."""
        self.weights = {name: tensor.to(device) for name, tensor in weights.items()}
        self.step, self.since = progress["best_step"], progress["since_best"]
        exact, cells = metrics.get("best_exact_accuracy"), metrics.get("best_cell_accuracy")
        self.score = None if exact is None or cells is None else (exact, cells)
