"""What ablations and successors change about the recursion: one class or function for each idea."""

from functools import reduce

import torch
from torch import Tensor

from trm.config.model import ModelConfig
from trm.network.recursion import Net, Recursion


class LastSteps(Recursion):
    """Only the last latent updates of the last recursion have a gradient; in HRM the last one."""

    def improve(self, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """The last k of n latent updates, and the answer's, with gradient."""
        steps = self.depth.latent_steps
        graded = min(steps, self.config.gradient_steps or steps)
        with torch.no_grad():
            z = self.think(y, z, steps - graded)
        return self.answer(y, self.think(y, z, graded))


class SingleLatent(Recursion):
    """Answer and latent are one: updated from the question, and without it where the answer would be."""

    def think(self, y: Tensor, z: Tensor, times: int) -> Tensor:
        """z after `times` updates."""
        for _ in range(times):
            z = self.latent_net(z, self.x)
        return z

    def answer(self, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Twice the new z."""
        z = self.latent_net(z, None)
        return z, z


class SingleLatentLastSteps(LastSteps, SingleLatent):
    """Both."""


class MultiScale(Recursion):
    """A latent for each of the n latent steps, or more, z `(scales, ..)`."""

    def think(self, y: Tensor, z: Tensor, times: int) -> Tensor:
        """The first `times` latents updated once each, from the sum of them all."""
        scales, added = list(z.unbind(0)), y + self.x
        for i in range(times):
            scales[i] = self.latent_net(reduce(torch.add, scales), added)
        return torch.stack(scales)

    def answer(self, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """y updated from the sum of all latents."""
        return self.answer_net(y, reduce(torch.add, z.unbind(0))), z


class DirectPrediction(Recursion):
    """No recursion: one pass."""

    def run(self, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """y updated from the question."""
        return self.answer_net(y, self.x), z


def kind_of_recursion(config: ModelConfig) -> type[Recursion]:
    """The recursion that a configuration asks for."""
    if config.gradient_steps is not None:
        return SingleLatentLastSteps if config.latents == "single" else LastSteps
    kinds = {"single": SingleLatent, "multi_scale": MultiScale, "none": DirectPrediction}
    return kinds.get(config.latents, Recursion)


def damp(net: Net, config: ModelConfig, generator: torch.Generator | None) -> Net:
    """EqR: an update keeps a share of the old value, and `generator` adds noise in training."""
    if not (config.inertia or config.update_noise):
        return net

    def update(state: Tensor, added: Tensor | None) -> Tensor:
        new = net(state, added)
        if config.inertia:
            new = config.inertia * state + (1 - config.inertia) * new
        if config.update_noise and generator is not None:
            noise = torch.randn(new.shape, generator=generator, device=new.device, dtype=torch.float32)
            new = new + (config.update_noise * noise).to(new.dtype)
        return new

    return update
