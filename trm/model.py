"""TinyRecursiveModel: one small network that improves an answer y with the help of a latent z.

Shapes: B puzzles, L grid cells, P prefix tokens, S = P + L, D hidden size, V vocabulary.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from trm.config import ModelConfig, PuzzleSpec
from trm.layers import Block, Linear, truncated_normal_, widened

HALT_BIAS = -5.0  # the halting head starts out sure that nothing is finished


class Thought(NamedTuple):
    """What a supervision step leaves: the new answer and latent (with gradient in training), and what is read from them."""

    y: Tensor  # (B, S, D)
    z: Tensor  # (B, S, D)
    logits: Tensor  # (B, L, V)
    halt_logit: Tensor  # (B,) float32: "I am done"
    continue_logit: Tensor  # (B,) float32: HRM's second output, unused by TRM, kept so that weights convert both ways


class TinyRecursiveModel(nn.Module):
    """The network of arXiv 2510.04871 in both mixers, its single-feature ablation (table 2), and HRM's two networks.

    | tensor                  | shape    | start                                     |
    |-------------------------|----------|-------------------------------------------|
    | embedding               | (V, D)   | truncated normal, deviation 1 / sqrt(D)   |
    | puzzle_embedding        | (ids, D) | zeros; a buffer, trained by sparse signSGD |
    | y_init, z_init          | (D,)     | truncated normal, deviation 1; fixed      |
    | layers.*, answer_head   |          | truncated normal, deviation 1 / sqrt(in)  |
    | halt_head               | (2, D)   | zeros, bias -5                            |
    """

    puzzle_embedding: Tensor
    y_init: Tensor
    z_init: Tensor

    def __init__(self, config: ModelConfig, puzzle: PuzzleSpec) -> None:
        super().__init__()
        self.config = config
        self.tokens = config.prefix_tokens + puzzle.cells  # S
        width = config.hidden_size
        self.embedding = nn.Parameter(torch.empty(puzzle.vocab_size, width))
        self.layers = nn.ModuleList(Block(config, self.tokens) for _ in range(config.layers))
        if config.networks == "separate":
            self.answer_layers = nn.ModuleList(Block(config, self.tokens) for _ in range(config.layers))
        self.answer_head = Linear(width, puzzle.vocab_size)
        self.halt_head = nn.Linear(width, 2)
        self.register_buffer("y_init", torch.empty(width))
        self.register_buffer("z_init", torch.empty(width))
        self.register_buffer("puzzle_embedding", torch.zeros(config.puzzle_ids if config.prefix_tokens else 0, width))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Draw every weight anew, in a fixed order."""
        truncated_normal_(self.embedding, self.config.hidden_size**-0.5, generator)
        for module in self.modules():
            if isinstance(module, Linear):
                module.initialise(generator)
        self.halt_head.weight.zero_()
        self.halt_head.bias.fill_(HALT_BIAS)
        truncated_normal_(self.y_init, 1.0, generator)
        truncated_normal_(self.z_init, 1.0, generator)
        self.puzzle_embedding.zero_()

    def parameter_count(self) -> int:
        """Trained weights, the puzzle table not counted (as in the paper)."""
        return sum(p.numel() for p in self.parameters())

    def puzzle_rows(self, puzzle_ids: Tensor) -> Tensor:
        """Rows of the puzzle table `(B, D)`; `(B, 0)` for a model without prefix."""
        if self.config.prefix_tokens == 0:
            return self.puzzle_embedding.new_zeros(len(puzzle_ids), 0)
        return self.puzzle_embedding[puzzle_ids]

    def initial_state(self, batch: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """y and z `(B, S, D)` before the first supervision step: one fixed random vector at every position."""
        y, z = (start.to(dtype).expand(batch, self.tokens, -1).clone() for start in (self.y_init, self.z_init))
        return y, z

    def embed(self, inputs: Tensor, puzzle_rows: Tensor, dtype: torch.dtype) -> Tensor:
        """The question x `(B, S, D)`: the puzzle's row in the first prefix token, zeros in the others, then the grid."""
        width = self.config.hidden_size
        grid = self.embedding.to(dtype)[inputs]  # (B, L, D)
        if self.config.prefix_tokens:
            empty = grid.new_zeros(len(inputs), self.config.prefix_tokens - 1, width)
            grid = torch.cat((puzzle_rows.to(dtype).unsqueeze(1), empty, grid), dim=1)
        return grid * math.sqrt(width)

    def update_latent(self, state: Tensor) -> Tensor:
        """The network f, `(B, S, D) -> (B, S, D)`; its inputs are added together before it."""
        for layer in self.layers:
            state = layer(state)
        return state

    def update_answer(self, state: Tensor) -> Tensor:
        """The same network, or the second one where networks are separate."""
        for layer in self.answer_layers if self.config.networks == "separate" else self.layers:
            state = layer(state)
        return state

    def think(self, x: Tensor, y: Tensor, z: Tensor, times: int) -> Tensor:
        """The latent z after `times` updates."""
        for _ in range(times):
            z = self.update_latent(z + x if self.config.latents == "single" else z + (y + x))
        return z

    def answer(self, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """y and z after one update of the answer; with a single latent they are one."""
        if self.config.latents == "single":
            z = self.update_latent(z)
            return z, z
        return self.update_answer(y + z), z

    def recurse(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """T recursions of n latent updates and one answer update; only the end of the last one has a gradient."""
        steps = self.config.latent_steps
        ungraded = steps - 1 if self.config.gradient == "last_updates" else 0
        with torch.no_grad():
            for _ in range(self.config.recursions - 1):
                y, z = self.answer(y, self.think(x, y, z, steps))
            z = self.think(x, y, z, ungraded)
        return self.answer(y, self.think(x, y, z, steps - ungraded))

    def forward(self, inputs: Tensor, puzzle_rows: Tensor, y: Tensor, z: Tensor) -> Thought:
        """One supervision step.

        inputs `(B, L)` tokens; puzzle_rows `(B, D)`; y, z `(B, S, D)` carried over and detached by the caller.
        """
        x = self.embed(inputs, puzzle_rows, y.dtype)
        y, z = self.recurse(x, y, z)
        logits = self.answer_head(y)[:, self.config.prefix_tokens :]
        halting = nn.functional.linear(y[:, 0], self.halt_head.weight.to(y.dtype), self.halt_head.bias.to(y.dtype))
        halting = widened(halting)
        return Thought(y, z, logits, halting[:, 0], halting[:, 1])
