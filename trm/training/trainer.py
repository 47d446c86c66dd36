"""The trainer: one optimizer update at a time. What happens between two updates is the session's."""

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from trm.checkpoints import checkpoint
from trm.config.run import CompileChoice, RunConfig
from trm.data.augment import reveal
from trm.data.splits import Splits
from trm.errors import ConfigError
from trm.network.compiling import compile_blocks
from trm.network.device import host_copy, on_device
from trm.training.carry import draw_exploration
from trm.training.optimizers import sparse_sign_sgd
from trm.training.ranks import Ranks
from trm.training.schedule import depth_at, learning_rate_factor, reveal_at
from trm.training.state import TrainState
from trm.training.update import SupervisedStep, may_capture


class Trainer:
    """Deep supervision of one model on one data set."""

    def __init__(
        self,
        config: RunConfig,
        splits: Splits,
        device: torch.device,
        *,
        compiled: bool = False,
        ranks: Ranks = Ranks(),  # noqa: B008  immutable
    ) -> None:
        """A fresh training; `compiled` fuses the network's kernels and, on a GPU, captures the whole step as a CUDA graph.

        Raises ConfigError when the puzzles are not those of the configuration or the slots cannot be shared, CompilerMissing.
        """
        splits.require_fit(config)
        if ranks.count > 1 and config.model.update_noise:
            raise ConfigError(
                "model.update_noise is drawn on the device, which several ranks cannot share: use one rank."
            )
        self.config, self.splits, self.device, self.ranks = config, splits, device, ranks
        self.own = ranks.share(config.train.batch_size)  # slots of this rank
        self.state = TrainState.initial(config, splits.feed(config, device), device, ranks)
        self.state.model.recompute(config.train.gradient_checkpointing)
        self.compiling: CompileChoice = "always" if compiled else "never"
        if compiled:
            compile_blocks(self.state.model, device, any_batch=False)
        self.captures = compiled and device.type == "cuda" and may_capture(config)
        state = self.state
        self.supervised_step = SupervisedStep(state.model, config, state.carry, state.window, state.noise)
        self._halted = host_copy(state.carry.halted)

    @classmethod
    def resume(
        cls,
        folder: Path,
        splits: Splits,
        device: torch.device,
        *,
        compiled: bool = False,
        ranks: Ranks = Ranks(),  # noqa: B008  immutable
        config: RunConfig | None = None,
    ) -> Self:
        """Continue from a checkpoint, with as many ranks as before or others; on the same device bit for bit.

        `config` is its own unless given: see `trm.config.overrides.adjust`.

        Raises CheckpointError when it is damaged or was made by something else.
        """
        meta = checkpoint.read_meta(folder)
        trainer = cls(config or meta.config, splits, device, compiled=compiled, ranks=ranks)
        trainer.state.load(folder, meta)
        if trainer.config != meta.config:  # its test was of another training
            trainer.state.metrics = {n: v for n, v in trainer.state.metrics.items() if not n.startswith("test_")}
        trainer._halted = host_copy(trainer.state.carry.halted)
        return trainer

    def update(self) -> None:
        """One supervision step of every slot, and one optimizer update from it; raises NonFiniteLoss."""
        state, config = self.state, self.config
        self._refill()
        state.model.depth = depth_at(state.step + 1, config.model, config.train)
        self.supervised_step(captured=self.captures)
        self._halted = host_copy(state.carry.halted)  # read when the next update begins
        state.step += 1
        if self.device.type == "cpu":  # free there; on a GPU it would wait for the step
            state.require_finite()
        self.ranks.sum_gradients(state.model.parameters())
        self._apply_gradients()

    def _refill(self) -> None:
        """New puzzles into halted slots; only what the host has to tell is sent to the device, and nothing is waited for."""
        state, train = self.state, self.config.train
        slots = self.ranks.gather(self._halted()).nonzero().squeeze(1)
        if len(slots):
            self._enter(slots)
        if self.config.model.prefix_tokens:
            with torch.no_grad():
                self.supervised_step.rows.copy_(state.model.puzzle_rows(state.carry.puzzle_ids))
        most = self.config.model.max_supervision_steps
        drawn = draw_exploration(train.batch_size, most, train.halt_exploration, state.generator)[self.own]
        self.supervised_step.at_least.copy_(on_device(drawn, self.device))

    def _enter(self, slots: Tensor) -> None:
        """Draw puzzles and first states for these slots (K,) of all ranks, and take over those of this rank."""
        state = self.state
        questions, labels, ids = state.feed.take(len(slots), state.generator)
        if share := reveal_at(state.step + 1, self.config.train):
            questions = reveal(questions, labels, share, state.generator)
        first = state.model.initial_state(len(slots), state.carry.y.dtype, state.generator)
        drawn = (*first, questions, labels, ids)
        own = ((slots >= self.own.start) & (slots < self.own.stop)).nonzero().squeeze(1)  # a mask would wait for a GPU
        y, z, questions, labels, ids = (tensor[on_device(own, tensor.device)] for tensor in drawn)
        state.carry.refill(on_device(slots[own] - self.own.start, self.device), y, z, questions, labels, ids)

    def _apply_gradients(self) -> None:
        state, train, rows = self.state, self.config.train, self.supervised_step.rows
        if train.gradient_clip is not None:
            nn.utils.clip_grad_norm_(state.model.parameters(), train.gradient_clip)
        factor = learning_rate_factor(state.step, train)
        state.optimizers.step(factor)
        if rows.grad is not None:
            sparse_sign_sgd(
                state.model.puzzle_embedding,
                self.ranks.gather(state.carry.puzzle_ids),
                self.ranks.gather(rows.grad),
                learning_rate=train.puzzle_learning_rate * factor,
                weight_decay=train.puzzle_weight_decay,
            )
        if state.ema is not None:
            state.ema.update()
