"""The recursion inside one supervision step: which state the network updates when, and which updates have a gradient.

Shapes: B puzzles, S tokens, D hidden size; x, y and z are added together before they enter the network. `recurse` takes and gives
`(B, S, D)`; in between, a network with token mixing works on `(S, B, D)`.
"""

from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor

from trm.config.model import ModelConfig
from trm.network.blocks import Network


class Depth(NamedTuple):
    """How much one supervision step thinks."""

    recursions: int  # T
    latent_steps: int  # n


@dataclass(frozen=True)
class Recursion:
    """One supervision step's updates of y and z: by one network, or by one for each."""

    config: ModelConfig
    depth: Depth
    latent_layers: Network
    answer_layers: Network  # the same one, unless there are two
    x: Tensor
    generator: torch.Generator | None = None  # of the noise; none without it

    def update(self, layers: Network, state: Tensor, added: Tensor | None) -> Tensor:
        """The network's new value of a state; EqR keeps a share of the old one and adds noise in training."""
        new: Tensor = layers(state, added)
        if self.config.inertia:
            new = self.config.inertia * state + (1 - self.config.inertia) * new
        if self.config.update_noise and self.generator is not None:
            noise = torch.randn(new.shape, generator=self.generator, device=new.device, dtype=torch.float32)
            new = new + (self.config.update_noise * noise).to(new.dtype)
        return new

    def think(self, y: Tensor, z: Tensor, times: int) -> Tensor:
        """z after `times` updates, the answer y standing still."""
        if self.config.latents == "multi_scale":
            return self.think_in_scales(y, z, times)
        added = self.x if self.config.latents == "single" else y + self.x
        for _ in range(times):
            z = self.update(self.latent_layers, z, added)
        return z

    def think_in_scales(self, y: Tensor, z: Tensor, times: int) -> Tensor:
        """Each of the first `times` latents of z, first axis, updated once from the sum of them all."""
        scales, added = list(z.unbind(0)), y + self.x
        for i in range(times):
            scales[i] = self.update(self.latent_layers, reduce(torch.add, scales), added)
        return torch.stack(scales)

    def answer(self, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """y and z after one update of the answer; with a single latent they are one."""
        if self.config.latents == "single":
            z = self.update(self.latent_layers, z, None)
            return z, z
        thought = reduce(torch.add, z.unbind(0)) if self.config.latents == "multi_scale" else z
        return self.update(self.answer_layers, y, thought), z


def recurse(step: Recursion, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """T recursions of n latent updates and one answer update; only the end of the last one has a gradient.

    x, y and z `(B, S, D)`, z `(B, n, S, D)` with multi-scale latents.
    """
    scaled, tokens_first = z.dim() > y.dim(), step.config.mixer == "mlp"
    if scaled:
        z = z.transpose(0, 1)  # (n, B, S, D)
    if tokens_first:
        x, y, z = (state.transpose(-3, -2).contiguous() for state in (step.x, y, z))
        step = replace(step, x=x)
    y, z = _recursed(step, y, z)
    if tokens_first:
        y, z = y.transpose(-3, -2), z.transpose(-3, -2)
    return y, z.transpose(0, 1) if scaled else z


def _recursed(step: Recursion, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    if step.config.latents == "none":  # direct prediction: one pass
        return step.update(step.answer_layers, y, step.x), z
    recursions, steps = step.depth
    graded = min(steps, step.config.gradient_steps or steps)
    with torch.no_grad():
        for _ in range(recursions - 1):
            y, z = step.answer(y, step.think(y, z, steps))
        z = step.think(y, z, steps - graded) if graded < steps else z
    return step.answer(y, step.think(y, z, graded))
