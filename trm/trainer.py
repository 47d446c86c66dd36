"""The trainer: an iterator of events, one optimizer update at a time; the caller owns the loop.

    trainer = Trainer(config, train, test, device)
    for event in trainer:
        if isinstance(event, CheckpointDue):
            trainer.save(out)

Leaving the loop after `save()` is how to stop; `Trainer.resume()` goes on from there bit for bit on the same device.
"""

import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from trm import checkpoint
from trm.config import RunConfig
from trm.device import dtype_of
from trm.ema import ExponentialMovingAverage
from trm.errors import ConfigError, ForeignCheckpoint, NonFiniteLoss
from trm.evaluation import evaluate
from trm.events import CheckpointDue, CheckpointSaved, Evaluated, Event, Finished, Started, StepMetrics, Updated
from trm.feed import Feed
from trm.losses import supervision_loss
from trm.model import TinyRecursiveModel
from trm.optimizers import make_optimizer, sparse_sign_sgd
from trm.puzzles.datasets import PuzzleSet
from trm.schedule import learning_rate_factor
from trm.supervision import Carry, halts
from trm.window import Window


class Trainer:
    """Deep supervision of one model on one data set; see the module's docstring."""

    def __init__(self, config: RunConfig, train: PuzzleSet, test: PuzzleSet, device: torch.device) -> None:
        """A fresh training; raises ConfigError when the puzzles are not those of the configuration."""
        for puzzles in (train, test):
            if puzzles.spec != config.puzzle:
                raise ConfigError(f"The data set holds {puzzles.spec}, the configuration asks for {config.puzzle}.")
        self.config, self.device, self.dtype = config, device, dtype_of(config.train.precision)
        self.step = 0
        self.resumed_from: int | None = None
        self.metrics: dict[str, float | None] = {}  # of the last evaluation
        self.train_count, self.test = len(train.questions), test.take(config.train.evaluate_puzzles)
        self.generator = torch.Generator().manual_seed(config.train.seed)
        self.model = TinyRecursiveModel(config.model, config.puzzle)
        self.model.initialise(self.generator)
        self.model.to(device)
        self.optimizer = make_optimizer(self.model.parameters(), config.train)
        decay = config.train.ema_decay
        self.ema = ExponentialMovingAverage(self.model, decay) if decay is not None else None
        self.feed = Feed(train, augmented=config.train.augment, seed=config.train.seed, device=device)
        self.carry = Carry.empty(self.model, config.train.batch_size, config.puzzle.cells, self.dtype)
        self.window = Window(config.model.max_supervision_steps, device)

    @classmethod
    def resume(cls, folder: Path, train: PuzzleSet, test: PuzzleSet, device: torch.device) -> Self:
        """Go on from a checkpoint; raises CheckpointError when it is damaged or was made by something else."""
        meta = checkpoint.read_meta(folder)
        trainer = cls(meta.config, train, test, device)
        try:
            trainer.model.load_state_dict(checkpoint.read_tensors(folder, meta, "model"))
            trainer._restore(
                checkpoint.read_tensors(folder, meta, "ema"), checkpoint.read_tensors(folder, meta, "state")
            )
        except (RuntimeError, KeyError) as error:
            raise ForeignCheckpoint(f"{folder} does not fit its own configuration: {error}") from error
        trainer.feed.seek(meta.progress["epoch"], meta.progress["position"])
        trainer.step = trainer.resumed_from = meta.step
        trainer.metrics = meta.metrics
        return trainer

    def __iter__(self) -> Iterator[Event]:
        """All that happens until the last update; every update yields at least `Updated`."""
        train = self.config.train
        begun = logged = time.monotonic()
        yield self._started()
        while self.step < train.steps:
            self.update()
            yield Updated(self.step)
            last = self.step == train.steps
            if last or self.step % train.log_every == 0:
                now = time.monotonic()
                yield self._step_metrics(now - begun, now - logged)
                logged = now
            if last or self.step % train.evaluate_every == 0:
                yield self.evaluate()
                logged = time.monotonic()  # evaluating is not training
            if last or self.step % train.checkpoint_every == 0:
                yield CheckpointDue(self.step)
        yield Finished(self.step, round(time.monotonic() - begun, 3), self.metrics.get("exact_accuracy"))

    def update(self) -> None:
        """One supervision step of every slot, and one optimizer update from it."""
        train, carry = self.config.train, self.carry
        self._refill()
        rows = self.model.puzzle_rows(carry.puzzle_ids).clone().requires_grad_(self.config.model.prefix_tokens > 0)
        thought = self.model(carry.inputs, rows, carry.y, carry.z)
        loss = supervision_loss(
            thought.logits, thought.halt_logit, carry.labels, kind=train.loss, halt_weight=train.halt_loss_weight
        )
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss.total / train.batch_size)
        self.step += 1
        self._apply_gradients(rows)
        steps = carry.steps + 1
        halted = halts(self.config.model, thought.halt_logit, steps, train.halt_exploration, self.generator)
        self.window.add(loss, thought.halt_logit, steps, halted)
        carry.advance(thought, halted)

    def evaluate(self) -> Evaluated:
        """Accuracy on held-out puzzles with the averaged weights."""
        self.model.eval()
        with self.ema.applied() if self.ema else nullcontext():
            result = evaluate(
                self.model,
                self.test,
                step=self.step,
                split="test",
                dtype=self.dtype,
                batch_size=self.config.train.batch_size,
            )
        self.model.train()
        self.metrics = {
            "exact_accuracy": result.exact_accuracy,
            "cell_accuracy": result.cell_accuracy,
            "mean_supervision_steps": result.mean_supervision_steps,
        }
        return result

    def save(self, out: Path) -> CheckpointSaved:
        """A checkpoint of this moment below `out`, complete when this returns."""
        weights = self.model.state_dict()
        averaged: dict[str, Tensor] = dict(self.ema.shadow if self.ema else self.model.named_parameters())
        return checkpoint.write(
            checkpoint.step_folder(out, self.step),
            {"model": weights, "ema": averaged, "state": self._state()},
            step=self.step,
            config=self.config,
            metrics=self.metrics,
            progress={"epoch": self.feed.epoch, "position": self.feed.position},
        )

    def _refill(self) -> None:
        slots = self.carry.halted.nonzero().squeeze(1)
        if len(slots):
            questions, answers = self.feed.take(len(slots), self.generator)
            ids = torch.zeros(len(slots), dtype=torch.int32, device=self.device)
            self.carry.refill(self.model, slots, questions, answers, ids)

    def _apply_gradients(self, rows: Tensor) -> None:
        train = self.config.train
        factor = learning_rate_factor(self.step, train)
        for group in self.optimizer.param_groups:
            group["lr"] = train.learning_rate * factor
        self.optimizer.step()
        if rows.grad is not None:
            sparse_sign_sgd(
                self.model.puzzle_embedding,
                self.carry.puzzle_ids,
                rows.grad,
                learning_rate=train.puzzle_learning_rate * factor,
                weight_decay=train.puzzle_weight_decay,
            )
        if self.ema is not None:
            self.ema.update()

    def _started(self) -> Started:
        return Started(
            step=self.step,
            total_steps=self.config.train.steps,
            parameters=self.model.parameter_count(),
            device=str(self.device),
            precision=self.config.train.precision,
            resumed_from=self.resumed_from,
            train_puzzles=self.train_count,
            test_puzzles=len(self.test.questions),
        )

    def _step_metrics(self, since_start: float, since_logged: float) -> StepMetrics:
        sums, table = self.window.read()
        self.window.clear()
        if not math.isfinite(sums["loss"]):
            raise NonFiniteLoss(
                f"The loss is {sums['loss']} at step {self.step}. Lower train.learning_rate, or use float32."
            )
        finished, updates = sums["finished"], sums["updates"]

        def over(total: float, count: float) -> float | None:
            return total / count if count else None

        return StepMetrics(
            step=self.step,
            seconds=round(since_start, 3),
            loss=sums["loss"] / updates,
            lm_loss=sums["lm_loss"] / updates,
            halt_loss=sums["halt_loss"] / updates,
            learning_rate=self.config.train.learning_rate * learning_rate_factor(self.step, self.config.train),
            puzzles_finished=int(finished),
            puzzles_per_second=round(finished / max(since_logged, 1e-9), 3),
            exact_accuracy=over(sums["exact"], finished),
            cell_accuracy=over(sums["cells"], finished),
            halt_accuracy=over(sums["halt_right"], finished),
            mean_supervision_steps=over(sums["steps"], finished),
            slots=[int(seen) for seen, *_ in table],
            halted=[over(halted, seen) for seen, halted, _, _ in table],
            halt_probability=[over(probability, seen) for seen, _, probability, _ in table],
            step_exact_accuracy=[over(right, seen) for seen, _, _, right in table],
        )

    def _state(self) -> dict[str, Tensor]:
        state = {f"carry/{name}": tensor for name, tensor in self.carry.tensors().items()}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimizer.state[parameter].items():
                state[f"optimizer/{key}/{name}"] = value
        state["generator"] = self.generator.get_state()
        return state | {"window/sums": self.window.sums, "window/by_step": self.window.by_step}

    def _restore(self, averaged: dict[str, Tensor], state: dict[str, Tensor]) -> None:
        for name in self.carry.tensors():
            setattr(self.carry, name, state[f"carry/{name}"].to(self.device))
        for name, parameter in self.model.named_parameters():
            self.optimizer.state[parameter] = {
                key.split("/")[1]: value.to(self.device) if value.dim() else value
                for key, value in state.items()
                if key.startswith("optimizer/") and key.split("/", 2)[2] == name
            }
        if self.ema is not None:
            self.ema.shadow = {name: averaged[name].to(self.device) for name in self.ema.shadow}
        self.generator.set_state(state["generator"])
        self.window.sums, self.window.by_step = (
            state["window/sums"].to(self.device),
            state["window/by_step"].to(self.device),
        )
