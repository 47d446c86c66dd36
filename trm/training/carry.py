"""Deep supervision: the carry from one supervision step to the next, and who may halt.

Shapes: B slots, L grid cells, S tokens with prefix, D hidden size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from trm.network.model import StepOutput, TinyRecursiveModel
from trm.puzzles.scoring import IGNORED


@dataclass
class Carry:
    """What every slot holds between supervision steps; nothing in it has a gradient."""

    y: Tensor  # (B, S, D)
    z: Tensor  # (B, S, D), with an axis for scales or hypotheses after the first where the model has them
    steps: Tensor  # (B,) int32: supervision steps this puzzle has had
    halted: Tensor  # (B,) bool: the slot takes a new puzzle before the next step
    inputs: Tensor  # (B, L) int32
    labels: Tensor  # (B, L) int32
    puzzle_ids: Tensor  # (B,) int64

    @classmethod
    def empty(cls, model: TinyRecursiveModel, slots: int, cells: int, dtype: torch.dtype) -> "Carry":
        """All slots halted, so that the first step fills every one."""
        y, z = model.initial_state(slots, dtype)
        whole = torch.zeros(slots, cells, dtype=torch.int32, device=y.device)
        none = torch.zeros(slots, dtype=torch.int32, device=y.device)
        return cls(
            y, z, none, torch.ones_like(none, dtype=torch.bool), whole, torch.full_like(whole, IGNORED), none.long()
        )

    def refill(self, slots: Tensor, y: Tensor, z: Tensor, inputs: Tensor, labels: Tensor, puzzle_ids: Tensor) -> None:
        """Put new puzzles with their first states, `(K, ..)` each, into `slots` (indices, K of them)."""
        self.y[slots], self.z[slots] = y, z
        self.steps[slots] = 0
        self.inputs[slots], self.labels[slots], self.puzzle_ids[slots] = inputs, labels, puzzle_ids

    def select(self, slots: Tensor) -> "Carry":
        """A copy of these slots (indices)."""
        return Carry(**{name: tensor[slots] for name, tensor in self.tensors().items()})

    def advance(self, output: StepOutput, halted: Tensor) -> None:
        """Take over the outcome of a supervision step."""
        for ours, new in ((self.y, output.y), (self.z, output.z), (self.halted, halted)):
            ours.copy_(new.detach())
        self.steps += 1

    def tensors(self) -> dict[str, Tensor]:
        """Every field by name, for a checkpoint."""
        return dict(vars(self))


def halts(most: int, wants_to: Tensor, steps: Tensor, at_least: Tensor) -> Tensor:
    """Which slots halt in training `(B,)`, after `steps` supervision steps each, of at most `most`.

    A slot halts when it wants to, but not before step `at_least`; all three `(B,)`. After `most` steps every slot halts.
    """
    return (steps >= most) | (wants_to & (steps >= at_least))


def draw_exploration(slots: int, most: int, exploration: float, generator: torch.Generator) -> Tensor:
    """The step `(B,)` before which each slot may not halt: with chance `exploration` a random one of 2..most, otherwise 0.

    Drawn again for every slot at every step.
    """
    if most == 1:
        return torch.zeros(slots, dtype=torch.int32)
    explores = torch.rand(slots, generator=generator) < exploration
    return (torch.randint(2, most + 1, (slots,), generator=generator) * explores).int()


@torch.no_grad()
def continue_target(model: TinyRecursiveModel, carry: Carry, rows: Tensor, output: StepOutput) -> Tensor:
    """HRM's target for the continue output `(B,)`: the worth of the next step, from running it (bootstrapped Q-learning).

    That is the next halt probability after the last step, before it the larger of the next two probabilities.
    """
    following = model(carry.inputs, rows, output.y.detach(), output.z.detach())
    last = carry.steps + 1 >= model.config.max_supervision_steps
    better = torch.maximum(following.halt_logit, following.continue_logit)
    return torch.where(last, following.halt_logit, better).sigmoid()
