"""A network: the layers that one update of a state passes, of the kind that the configuration names."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from trm.config.model import ModelConfig
from trm.network.layers import Block
from trm.network.messages import DirectedNeighbours, MessageLayer, Neighbours, Units
from trm.puzzles.spec import PuzzleSpec

OURS: dict[str, type[MessageLayer]] = {
    "units": Units,
    "neighbours": Neighbours,
    "directed_neighbours": DirectedNeighbours,
}


class Network(nn.ModuleList):
    """f: adds what is to be added to a state, and passes it through every layer."""

    def __init__(self, config: ModelConfig, puzzle: PuzzleSpec, tokens: int, layers: int) -> None:
        ours = OURS.get(config.mixer)
        super().__init__(ours(config, puzzle) if ours else Block(config, tokens) for _ in range(layers))
        self.recomputes = False  # gradient checkpointing, in training

    def forward(self, state: Tensor, added: Tensor | None) -> Tensor:
        """The new value of a state, of the same shape; nothing is added to it for None."""
        new = state if added is None else state + added
        for layer in self:
            recomputes = self.recomputes and torch.is_grad_enabled()
            new = checkpoint(layer, new, use_reentrant=False) if recomputes else layer(new)
        return new
