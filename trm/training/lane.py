"""The slots of one data set in a training: new puzzles enter those that have halted, and all of them take a supervision step."""

import torch
from torch import Tensor

from trm.data.augment import reveal
from trm.data.feed import Passes
from trm.network.device import host_copy, on_device
from trm.network.model import TinyRecursiveModel
from trm.training.carry import Carry, draw_exploration
from trm.training.schedule import reveal_at
from trm.training.state import TrainState
from trm.training.update import SupervisedStep


class Lane:
    """One data set's puzzles on their way through the slots of all ranks; every lane of a training has the same weights."""

    def __init__(self, state: TrainState, model: TinyRecursiveModel, feed: Passes, carry: Carry) -> None:
        """`model` is the state's, or that for puzzles of another size; the gradients of such a lane add to those of the first."""
        self.state, self.model, self.feed, self.carry = state, model, feed, carry
        self.own = state.ranks.share(state.config.train.batch_size, state.config.train.starts)  # slots of this rank
        is_first = model is state.model
        self.step = SupervisedStep(model, state.config, carry, state.window, state.noise, is_first=is_first)
        self.look()

    def look(self) -> None:
        """Have it told which slots have halted; read when the next update begins."""
        self._halted = host_copy(self.carry.halted)

    def refill(self) -> None:
        """New puzzles into halted slots; only what the host has to tell is sent to the device, and nothing is waited for."""
        state, config = self.state, self.state.config
        slots = state.ranks.gather(self._halted()).nonzero().squeeze(1)
        if len(slots):
            self._enter(slots)
        if config.model.prefix_tokens:
            with torch.no_grad():
                self.step.rows.copy_(self.model.puzzle_rows(self.carry.puzzle_ids))
        train, most = config.train, config.model.max_supervision_steps
        drawn = draw_exploration(train.puzzles, most, train.halt_exploration, state.generator)
        own = drawn.repeat_interleave(train.starts)[self.own]
        self.step.at_least.copy_(on_device(own, self.carry.steps.device))

    def _enter(self, slots: Tensor) -> None:
        """Draw puzzles and first states for these slots (K,) of all ranks, and take over those of this rank."""
        state, carry, starts = self.state, self.carry, self.state.config.train.starts
        questions, labels, ids = self.feed.take(len(slots) // starts, state.generator)
        if share := reveal_at(state.step + 1, state.config.train):
            questions = reveal(questions, labels, share, state.generator)
        first = self.model.initial_state(len(slots), carry.y.dtype, state.generator)
        drawn = (*first, *(tensor.repeat_interleave(starts, 0) for tensor in (questions, labels, ids)))
        own = ((slots >= self.own.start) & (slots < self.own.stop)).nonzero().squeeze(1)  # a mask would wait for a GPU
        y, z, questions, labels, ids = (tensor[on_device(own, tensor.device)] for tensor in drawn)
        carry.refill(on_device(slots[own] - self.own.start, carry.steps.device), y, z, questions, labels, ids)
