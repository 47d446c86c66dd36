"""TinyRecursiveModel: one small network that improves an answer y with the help of a latent z.

Shapes: B puzzles, L grid cells, P prefix tokens, S = P + L, D hidden size, V vocabulary.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from trm.config.model import ModelConfig
from trm.network.blocks import Network
from trm.network.device import on_device
from trm.network.layers import Linear, truncated_normal_, widen
from trm.network.ports import make_port
from trm.network.recursion import Depth, Recursion, recurse
from trm.network.variants import damp, kind_of_recursion
from trm.puzzles.spec import PuzzleSpec

BIG_TABLE = 1 << 24  # values
POSITION_SCALE = math.sqrt(0.5)  # of the sum of two embeddings, which keeps the deviation of one
HALT_BIAS = -5.0  # the halting head starts out sure that nothing is finished


class StepOutput(NamedTuple):
    """What a supervision step leaves: the new answer and latent (with gradient in training), and what is read from them.

    With K > 1 hypotheses every tensor has an axis K after the first, until `pick` has chosen one.
    """

    y: Tensor  # (B, S, D)
    z: Tensor  # (B, S, D); (B, n, S, D) with multi-scale latents; (B, K, S, D) with hypotheses, picked or not
    logits: Tensor  # (B, L, V)
    halt_logit: Tensor  # (B,) float32: "I am done"
    continue_logit: Tensor  # (B,) float32: "go on"; used by HRM's halting rule only

    def pick(self, winner: Tensor) -> "StepOutput":
        """The answer of one hypothesis per puzzle `(B,)`; every hypothesis keeps its own latent."""
        rows = torch.arange(len(winner), device=winner.device)
        y, logits, halt, go_on = (t[rows, winner] for t in (self.y, self.logits, self.halt_logit, self.continue_logit))
        return StepOutput(y, self.z, logits, halt, go_on)


class TinyRecursiveModel(nn.Module):
    """The network of arXiv 2510.04871, its ablations, HRM's two networks, and what its successors add.

    | tensor                  | shape          | start                                      |
    |-------------------------|----------------|--------------------------------------------|
    | embedding               | (V, D)         | truncated normal, deviation 1 / sqrt(D);   |
    |                         |                | three rows with units                      |
    | positions               | (S, D)         | as the embedding; learned positions only   |
    | puzzle_embedding        | (ids, W)       | zeros; a buffer, trained by sparse signSGD |
    | y_init                  | (D,)           | truncated normal, deviation 1; fixed       |
    | z_init                  | (D,)           | the same; (n, D) with multi-scale latents, |
    |                         |                | (K, D) with hypotheses                     |
    | layers.*, answer_head   |                | truncated normal, deviation 1 / sqrt(in)   |
    | halt_head               | (2, D)         | zeros, bias -5                             |
    """

    puzzle_embedding: Tensor
    y_init: Tensor
    z_init: Tensor

    def __init__(self, config: ModelConfig, puzzle: PuzzleSpec) -> None:
        super().__init__()
        self.config = config
        self.depth = Depth(config.recursions, config.latent_steps)
        self.puzzle, self.port = puzzle, make_port(config, puzzle)
        self.tokens = self.port.tokens  # S
        width = config.hidden_size
        self.embedding = nn.Parameter(torch.empty(self.port.embeddings, width))
        if config.positions == "learned":
            self.positions = nn.Parameter(torch.empty(self.tokens, width))
        self.layers = Network(config, puzzle, self.tokens, config.layers)
        if config.networks == "separate":
            self.answer_layers = Network(config, puzzle, self.tokens, config.answer_layers or config.layers)
        if not config.tied_embeddings:
            self.answer_head = Linear(width, self.port.outputs)
        self.halt_head = nn.Linear(width, 2)
        self.register_buffer("y_init", torch.empty(width))
        several = (config.latent_count, width) if config.latent_count > 1 else (width,)
        self.register_buffer("z_init", torch.empty(several))
        ids = config.puzzle_ids if config.prefix_tokens else 0
        self.register_buffer("puzzle_embedding", torch.zeros(ids, config.puzzle_values or width))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Draw every weight again, in a fixed order."""
        truncated_normal_(self.embedding, self.config.hidden_size**-0.5, generator)
        if self.config.positions == "learned":
            truncated_normal_(self.positions, self.config.hidden_size**-0.5, generator)
        for module in self.modules():
            if isinstance(module, Linear):
                module.initialise(generator)
        self.halt_head.weight.zero_()
        self.halt_head.bias.fill_(HALT_BIAS)
        truncated_normal_(self.y_init, 1.0, generator)
        truncated_normal_(self.z_init, 1.0, generator)
        self.puzzle_embedding.zero_()

    def resize(self, puzzle: PuzzleSpec) -> "TinyRecursiveModel":
        """This model for puzzles of another size, with the very same weights; for a body of any size, once it is on its device."""
        with torch.device("meta"):
            resized = TinyRecursiveModel(self.config, puzzle)
        resized.requires_grad_(self.embedding.requires_grad)
        resized.load_state_dict(self.state_dict(keep_vars=True), assign=True)
        return resized

    def networks(self) -> list[Network]:
        """The network of the latent and, where it is another, that of the answer."""
        return [self.layers, *([self.answer_layers] if self.config.networks == "separate" else ())]

    def blocks(self) -> list[nn.Module]:
        """The layers of every network."""
        return [layer for network in self.networks() for layer in network]

    def recompute(self, recomputes: bool) -> None:
        """Whether training keeps less for the backward pass and computes it again (gradient checkpointing)."""
        for network in self.networks():
            network.recomputes = recomputes

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "TinyRecursiveModel":
        """A big puzzle table (ARC: gigabytes) stays where it is, on the host or in its file; its rows are sent as needed."""
        table = self._buffers.pop("puzzle_embedding")
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._buffers["puzzle_embedding"] = table if table is None or table.numel() > BIG_TABLE else fn(table)
        return self

    def parameter_count(self) -> int:
        """Trained weights, the puzzle table not counted (as in the paper)."""
        return sum(p.numel() for p in self.parameters())

    def puzzle_rows(self, puzzle_ids: Tensor) -> Tensor:
        """Rows of the puzzle table `(B, W)`, on the model's device; `(B, 0)` for a model without prefix."""
        if self.config.prefix_tokens == 0:
            return self.puzzle_embedding.new_zeros(len(puzzle_ids), 0)
        table = self.puzzle_embedding
        return on_device(table[puzzle_ids.to(table.device)], self.embedding.device)

    def initial_state(
        self, batch: int, dtype: torch.dtype, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """y `(B, S, D)` and z before the first supervision step: one fixed random vector at every position.

        With `random_start` fresh draws from `generator` (on the CPU) take their place; without one, the fixed vectors.
        """
        y = self.y_init.expand(self.tokens, -1)
        z = self.z_init.unsqueeze(-2).expand(*self.z_init.shape[:-1], self.tokens, -1)
        states = [start.to(dtype).expand(batch, *start.shape).clone() for start in (y, z)]
        if self.config.random_start and generator is not None:
            for state in states:
                drawn = truncated_normal_(torch.empty(state.shape, dtype=torch.float32), 1.0, generator)
                state.copy_(drawn)
        return states[0], states[1]

    def embed(self, inputs: Tensor, puzzle_rows: Tensor, dtype: torch.dtype) -> Tensor:
        """The question x `(B, S, D)` of grids `(B, L)` and their rows of the puzzle table `(B, W)`."""
        x = self.port.embed(self.embedding.to(dtype), inputs, puzzle_rows)
        if self.config.positions == "learned":
            x = POSITION_SCALE * (x + self.positions.to(dtype))
        return x * math.sqrt(self.config.hidden_size)

    def recursion(self, x: Tensor, generator: torch.Generator | None = None) -> Recursion:
        """What updates y and z for the question x `(B, S, D)`; `generator` draws the noise of training."""
        nets = self.networks()
        latent_net, answer_net = (damp(net, self.config, generator) for net in (nets[0], nets[-1]))
        return kind_of_recursion(self.config)(self.config, self.depth, x, latent_net, answer_net)

    def forward(
        self, inputs: Tensor, puzzle_rows: Tensor, y: Tensor, z: Tensor, generator: torch.Generator | None = None
    ) -> StepOutput:
        """One supervision step.

        inputs `(B, L)` tokens; puzzle_rows `(B, W)`; y `(B, S, D)` and z carried over and detached by the caller; `generator`
        (on the model's device) draws the noise of training, none without it.
        """
        x, several = self.embed(inputs, puzzle_rows, y.dtype), self.config.hypotheses
        if several > 1:
            x, y, z = x.repeat_interleave(several, 0), y.repeat_interleave(several, 0), z.flatten(0, 1)
        y, z = recurse(self.recursion(x, generator), y, z)
        parts = (y, z, *self.read(y, inputs.repeat_interleave(several, 0) if several > 1 else inputs))
        return StepOutput(*(part.view(-1, several, *part.shape[1:]) for part in parts) if several > 1 else parts)

    def read(self, y: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Answer logits `(B, L, V)`, halt and continue logits `(B,)` of an answer state `(B, S, D)` about grids `(B, L)`."""
        head = self.embedding if self.config.tied_embeddings else self.answer_head.weight
        logits = self.port.read(nn.functional.linear(y, head.to(y.dtype)), inputs)
        weight, bias = (part.to(y.dtype) for part in (self.halt_head.weight, self.halt_head.bias))
        halting = widen(nn.functional.linear(self.port.summary(y), weight, bias))
        return logits, halting[:, 0], halting[:, 1]
