"""The trainer: one optimizer update at a time. What happens between two updates is the session's."""

from pathlib import Path
from typing import Self

import torch
from torch import nn

from trm.checkpoints import checkpoint
from trm.config.run import CompileChoice, RunConfig
from trm.data.feed import Feed
from trm.data.splits import Splits
from trm.errors import ConfigError
from trm.network.compiling import compile_blocks
from trm.training.lane import Lane
from trm.training.optimizers import sparse_sign_sgd
from trm.training.ranks import Ranks
from trm.training.schedule import depth_at, learning_rate_factor
from trm.training.state import TrainState
from trm.training.update import may_capture


class Trainer:
    """Deep supervision of one model on one data set, and on others of other sizes beside it."""

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
        self.state = state = TrainState.initial(config, splits.feed(config, device), device, ranks)
        self.compiling: CompileChoice = "always" if compiled else "never"
        self.captures = compiled and device.type == "cuda" and may_capture(config)
        self.lanes = [Lane(state, state.model, state.feed, state.carry)]  # the first is that of the data set
        augmented, seed = config.train.augment, config.train.seed
        for puzzles, carry in zip(splits.also, state.also.values(), strict=True):
            feed = Feed(puzzles, augmented=augmented, seed=seed, device=device, replacement=True)
            self.lanes.append(Lane(state, state.model.resize(puzzles.spec), feed, carry))
        for lane in self.lanes:
            lane.model.recompute(config.train.gradient_checkpointing)
            if compiled:
                compile_blocks(lane.model, device, any_batch=False)

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
        for lane in trainer.lanes:
            lane.look()
        return trainer

    def update(self) -> None:
        """One supervision step of every slot, and one optimizer update from it; raises NonFiniteLoss."""
        state, config = self.state, self.config
        depth = depth_at(state.step + 1, config.model, config.train)
        for lane in self.lanes:
            lane.refill()
            lane.model.depth = depth
            lane.step(captured=self.captures)
            lane.look()
        state.step += 1
        if self.device.type == "cpu":  # free there; on a GPU it would wait for the step
            state.require_finite()
        self.ranks.sum_gradients(state.model.parameters())
        self._apply_gradients()

    def _apply_gradients(self) -> None:
        state, train, rows = self.state, self.config.train, self.lanes[0].step.rows
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
