"""The recursion inside one supervision step, as in the paper (arXiv 2510.04871); what ablations and successors change is in `variants`.

Shapes: B puzzles, S tokens, D hidden size; x, y and z are added together before they enter the network. `recurse` takes and gives
`(B, S, D)`; in between, a network with token mixing works on `(S, B, D)`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from trm.config.model import ModelConfig

Net = Callable[[Tensor, Tensor | None], Tensor]  # the new value of a state, from it and from what is added to it


class Depth(NamedTuple):
    """How deep one supervision step recurses."""

    recursions: int  # T
    latent_steps: int  # n


@dataclass(frozen=True)
class Recursion:
    """T recursions of n latent updates and one answer update; only the last recursion has a gradient."""

    config: ModelConfig
    depth: Depth
    x: Tensor  # the question
    latent_net: Net
    answer_net: Net  # the same one, unless there are two, as in HRM

    def run(self, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """The answer y and the latent z, improved T times."""
        with torch.no_grad():
            for _ in range(self.depth.recursions - 1):
                y, z = self.improve(y, z)
        return self.improve(y, z)

    def improve(self, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """One recursion: reason n times, then refine the answer."""
        return self.update_answer(y, self.update_latent(y, z, self.depth.latent_steps))

    def update_latent(self, y: Tensor, z: Tensor, times: int) -> Tensor:
        """z after `times` updates, the answer y standing still."""
        added = y + self.x
        for _ in range(times):
            z = self.latent_net(z, added)
        return z

    def update_answer(self, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """y and z after one update of the answer."""
        return self.answer_net(y, z), z


def recurse(step: Recursion, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """A recursion in the layout that its network works in.

    x, y and z `(B, S, D)`, z `(B, n, S, D)` with multi-scale latents.
    """
    scaled, tokens_first = z.dim() > y.dim(), step.config.mixer == "mlp"
    if scaled:
        z = z.transpose(0, 1)  # (n, B, S, D)
    if tokens_first:
        x, y, z = (state.transpose(-3, -2).contiguous() for state in (step.x, y, z))
        step = replace(step, x=x)
    y, z = step.run(y, z)
    if tokens_first:
        y, z = y.transpose(-3, -2), z.transpose(-3, -2)
    return y, z.transpose(0, 1) if scaled else z
