"""An exponential moving average of the weights: what is evaluated and shipped."""

import torch
from torch import Tensor, nn


class ExponentialMovingAverage:
    """shadow <- decay * shadow + (1 - decay) * weights after every update; starts as a copy, no bias correction.

    Covers parameters only: puzzle embeddings and the initial states are buffers, and not averaged.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay = model, decay
        self.shadow: dict[str, Tensor] = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the weights as they are now."""
        weights = [p.data for p in self.model.parameters()]
        torch._foreach_lerp_(list(self.shadow.values()), weights, 1 - self.decay)
