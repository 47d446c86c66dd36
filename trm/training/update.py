"""What one update computes before the optimizer: a supervision step of every slot, its loss, and the gradients.

Every tensor that it reads or writes keeps its place in memory, so that on a GPU the whole of it is captured once as a CUDA graph
and from then on started with a single launch.
"""

import torch
from torch import Tensor
from torch.func import functional_call

from trm.config.run import RunConfig
from trm.network.model import StepOutput, TinyRecursiveModel
from trm.network.recursion import Depth
from trm.training.carry import Carry, continue_target, halts
from trm.training.closest_path import closest_answers
from trm.training.losses import (
    Loss,
    best_chains,
    best_hypothesis,
    count_right,
    halting_loss,
    log_probability,
    supervision_loss,
)
from trm.training.window import Window

WARM_UP = 3  # updates before a capture: kernels are compiled and libraries choose theirs


def may_capture(config: RunConfig) -> bool:
    """Whether a step does the same whatever it is given, draws nothing and adds to no other: only then can a CUDA graph stand for it."""
    return not config.model.update_noise and config.train.target == "label" and not config.train.also


class SupervisedStep:
    """Calling it makes one supervision step: the carry advances, and every trained tensor has a gradient.

    The first of an update also counts in the window; the gradients of the others add up with its own.
    """

    def __init__(
        self,
        model: TinyRecursiveModel,
        config: RunConfig,
        carry: Carry,
        window: Window,
        noise: torch.Generator,
        *,
        is_first: bool = True,
    ) -> None:
        self.is_first = is_first
        self.model, self.config, self.carry, self.window, self.noise = model, config, carry, window, noise
        slots, width = len(carry.steps), config.model.puzzle_values
        self.rows = torch.zeros(slots, width, device=carry.y.device, requires_grad=width > 0)  # of the puzzle table
        self.at_least = torch.zeros_like(carry.steps)  # (B,) slots explore until this step
        self.graphs: dict[Depth, torch.cuda.CUDAGraph] = {}
        self.calls = 0

    def __call__(self, *, captured: bool) -> None:
        """One step; `captured` on a GPU, and only for a model that draws no noise."""
        self.calls += 1
        depth = self.model.depth
        if not captured or self.calls <= WARM_UP:
            if self.is_first:
                self._clear_gradients()
            self._compute()
            return
        if depth not in self.graphs:
            self._clear_gradients()  # so that the backward pass writes them, and adds to nothing
            self.graphs[depth] = torch.cuda.CUDAGraph()
            # a validation may continue beside
            with torch.cuda.graph(self.graphs[depth], capture_error_mode="thread_local"):
                self._compute()
        self.graphs[depth].replay()

    def _clear_gradients(self) -> None:
        for tensor in (*self.model.parameters(), self.rows):
            tensor.grad = None

    def _compute(self) -> None:
        # cast once for all evaluations of the network
        weights = {name: p.to(self.carry.y.dtype) for name, p in self.model.named_parameters()}
        if self.config.train.starts > 1:
            self._compete(weights)
            return
        output = self._advance(weights, self.carry, self.rows)
        if self.config.model.hypotheses > 1:
            output = output.pick(best_hypothesis(output.logits, self.carry.labels, self.config.train.loss))
        halted = self._learn(output, self.carry, self.rows, self.at_least)
        self.carry.advance(output, halted)

    def _compete(self, weights: dict[str, Tensor]) -> None:
        """Train the best chain of each puzzle; all of them continue, and halt with it. What halts is learnt from every one."""
        carry, train = self.carry, self.config.train
        with torch.no_grad():
            outputs = self._advance(weights, carry, self.rows)
        best = best_chains(outputs.logits, carry.labels, train.starts, train.loss)
        chosen, rows = carry.select(best), self.rows[best]
        judged = halting_loss(self.model.read(outputs.y, carry.inputs)[1], count_right(outputs.logits, carry.labels)[1])
        torch.autograd.backward(train.halt_loss_weight * judged.sum() / train.batch_size)
        halted = self._learn(self._advance(weights, chosen, rows), chosen, rows, self.at_least[best])
        carry.advance(outputs, halted.repeat_interleave(train.starts))

    def _advance(self, weights: dict[str, Tensor], carry: Carry, rows: Tensor) -> StepOutput:
        """A supervision step of these slots."""
        given = (carry.inputs, rows, carry.y, carry.z, self.noise)
        output: StepOutput = functional_call(self.model, weights, given)
        return output

    def _learn(self, output: StepOutput, carry: Carry, rows: Tensor, at_least: Tensor) -> Tensor:
        """Gradients of the loss of these slots, one for each puzzle, and their count in the window; which of them halt, `(B,)`."""
        train, most = self.config.train, self.config.model.max_supervision_steps
        loss = self._compute_loss(output, carry, rows)
        torch.autograd.backward(loss.total / train.puzzles)  # of all ranks
        steps = carry.steps + 1
        threshold = output.continue_logit if train.halt_rule == "halt_over_continue" else 0.0
        halted = halts(most, (output.halt_logit > threshold).detach(), steps, at_least)
        if self.is_first:
            self.window.add(loss, output.halt_logit, steps, halted)
        else:
            self.window.watch(loss)
        return halted

    def _choose_target(self, output: StepOutput, carry: Carry) -> Tensor:
        """What the answer is compared with, `(B, L)`."""
        train = self.config.train
        if train.target == "label":
            return carry.labels
        return closest_answers(self.model.puzzle, carry.inputs, log_probability(output.logits, train.loss))

    def _compute_loss(self, output: StepOutput, carry: Carry, rows: Tensor) -> Loss:
        train = self.config.train
        continuing = None
        if train.halt_rule == "halt_over_continue":
            continuing = (output.continue_logit, continue_target(self.model, carry, rows, output))
        return supervision_loss(
            output.logits,
            output.halt_logit,
            self._choose_target(output, carry),
            kind=train.loss,
            halt_weight=train.halt_loss_weight,
            smoothing=train.label_smoothing,
            weights=train.step_discount**carry.steps if train.step_discount < 1 else None,
            continuing=continuing,
        )
