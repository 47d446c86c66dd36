"""The trainer: an iterator of events, one optimizer update at a time; the caller owns the loop.

    trainer = Trainer(config, splits, device)
    for event in trainer:
        if isinstance(event, CheckpointDue):
            trainer.save(out)

Leaving the loop after `save()` is how to stop; `Trainer.resume()` goes on from there bit for bit on the same device.
"""

import time
from collections.abc import Generator, Iterator
from concurrent.futures import CancelledError
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from trm.checkpoints import checkpoint
from trm.checkpoints.checkpoint import Snapshot
from trm.config.run import CompileChoice, RunConfig
from trm.data.augment import reveal
from trm.data.splits import Splits
from trm.errors import ConfigError, ForeignCheckpoint, NonFiniteLoss
from trm.evaluation.accuracy import evaluating
from trm.interface.events import (
    CheckpointDue,
    CheckpointSaved,
    Evaluated,
    Evaluating,
    Event,
    Finished,
    Started,
    StepMetrics,
    Updated,
)
from trm.network.compiling import compiled_blocks
from trm.network.device import dtype_of, host_copy, name_of, on_device, peak_bytes
from trm.network.model import TinyRecursiveModel
from trm.solving.solver import Solver
from trm.training.best import Best
from trm.training.carry import Carry, explored
from trm.training.ema import ExponentialMovingAverage
from trm.training.optimizers import make_optimizers, sparse_sign_sgd
from trm.training.ranks import Ranks
from trm.training.schedule import depth_at, learning_rate_factor, reveal_at
from trm.training.update import SupervisedStep
from trm.training.validation import ROWS, Validation, replica
from trm.training.window import Window

TELL_SECONDS = 5.0  # between two reports of how far an evaluation is that the training waits for


class Trainer:
    """Deep supervision of one model on one data set; see the module's docstring."""

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

        With several `ranks` all of them train alike, and the first one validates and tests. Raises ConfigError when the puzzles are
        not those of the configuration or the slots cannot be shared, CompilerMissing.
        """
        splits.require_fit(config)
        _require_same_noise(config, ranks)
        self.ranks, self.own = ranks, ranks.share(config.train.batch_size)  # slots of this rank
        self.config, self.splits, self.device = config, splits, device
        self.dtype = dtype_of(config.train.precision, device)
        self.step = 0
        self.resumed_from: int | None = None
        self.metrics: dict[str, float | None] = {}  # of the last evaluation
        self.generator = torch.Generator().manual_seed(config.train.seed)
        self.noise = torch.Generator(device).manual_seed(config.train.seed)
        self.model = TinyRecursiveModel(config.model, config.puzzle)
        self.model.initialise(self.generator)
        self.model.to(device)
        self.model.recompute(config.train.gradient_checkpointing)
        self.compiling: CompileChoice = "always" if compiled else "never"
        if compiled:
            compiled_blocks(self.model, device, any_batch=False)
        self.captures = compiled and device.type == "cuda" and not config.model.update_noise
        self.optimizers = make_optimizers(self.model, config.train)
        self.peaks = [optimizer.param_groups[0]["lr"] for optimizer in self.optimizers]
        decay = config.train.ema_decay
        self.ema = ExponentialMovingAverage(self.model, decay) if decay is not None else None
        self.best = Best(config.train)
        self.is_stale = False  # patience has run out
        self.is_tested = False  # the test split is answered, which is the last thing that a training does
        self.feed = splits.feed(config, device)
        self.carry = Carry.empty(self.model, self.own.stop - self.own.start, config.puzzle.cells, self.dtype)
        self.window = Window(config.model.max_supervision_steps, config.train.batch_size, device)
        self.think = SupervisedStep(self.model, config, self.carry, self.window, self.noise)
        self.validation: Validation | None = None  # under way, or its outcome not yet told
        self._halted = host_copy(self.carry.halted)

    @classmethod
    def resume(
        cls,
        folder: Path,
        splits: Splits,
        device: torch.device,
        *,
        compiled: bool = False,
        ranks: Ranks = Ranks(),  # noqa: B008  immutable
    ) -> Self:
        """Go on from a checkpoint, with as many ranks as before or others.

        Raises CheckpointError when it is damaged or was made by something else.
        """
        meta = checkpoint.read_meta(folder)
        trainer = cls(meta.config, splits, device, compiled=compiled, ranks=ranks)
        try:
            trainer.model.load_state_dict(checkpoint.read_tensors(folder, meta, "model"))
            averaged, state = (checkpoint.read_tensors(folder, meta, stem) for stem in ("ema", "state"))
            best = checkpoint.read_tensors(folder, meta, "best") if "best.safetensors" in meta.files else None
            trainer._restore(averaged, state)
            trainer.best.restore(best, meta.progress, meta.metrics, device)
            trainer.feed.seek(meta.progress["epoch"], meta.progress["position"])
            if "validation.safetensors" in meta.files and ranks.is_first:
                interrupted = checkpoint.read_tensors(folder, meta, "validation")
                trainer._validate({n: t.to(device) for n, t in interrupted.items()}, meta.progress["validating"])
        except (RuntimeError, KeyError) as error:
            raise ForeignCheckpoint(f"{folder} does not fit its own configuration: {error}") from error
        trainer.step = trainer.resumed_from = meta.step
        trainer.metrics, trainer.is_tested = meta.metrics, "test_exact_accuracy" in meta.metrics
        trainer.is_stale = trainer.best.is_stale
        return trainer

    def adopt(self, folder: Path) -> None:
        """Begin with the weights that a checkpoint solves with, everything else anew.

        Raises CheckpointError when it is damaged, or its model is another one.
        """
        try:
            self.model.load_state_dict(checkpoint.read_weights(folder, checkpoint.read_meta(folder)))
        except RuntimeError as error:
            raise ForeignCheckpoint(f"The weights in {folder} do not fit this configuration: {error}") from error
        if self.ema is not None:
            self.ema = ExponentialMovingAverage(self.model, self.ema.decay)

    def __iter__(self) -> Iterator[Event]:
        """All that happens until the test split is answered; every update yields at least `Updated`, after all that was due with it.

        What a validation has found comes when it is there, a few updates later.
        """
        train = self.config.train
        begun = logged = time.monotonic()
        yield self._started()
        if train.patience is not None:
            yield from self._waited()  # of a training that was stopped before it knew whether to go on
        while not self.has_ended:
            self.update()
            last = self.step == train.steps
            if last or self.step % train.log_every == 0:
                now = time.monotonic()
                yield self._step_metrics(now - begun, now - logged)
                logged = now
            waiting = time.monotonic()
            if (last and self.splits.validation) or (not last and self.step % train.evaluate_every == 0):
                yield from self.found(wait=True)  # one at a time
                self._validate(self._averages(), self.step)
            yield from self.found() if train.patience is None else self._waited()  # patience has to know when to stop
            self._agree_on_the_end()
            logged += time.monotonic() - waiting  # to wait for a validation is not to train
            if not self.has_ended:
                if self.step % train.checkpoint_every == 0:
                    yield CheckpointDue(self.step)
                yield Updated(self.step)  # last: who stops here and resumes has missed nothing
        yield from self._waited()
        if not self.is_tested:
            if self.ranks.is_first:
                yield from self._examined()
            self.is_tested = True
            yield CheckpointDue(self.step)
            yield Updated(self.step)
        seconds, exact_accuracy = round(time.monotonic() - begun, 3), self.metrics.get("test_exact_accuracy")
        yield Finished(self.step, seconds, exact_accuracy, peak_bytes(self.device))

    def close(self) -> None:
        """Stop a validation that is under way; a checkpoint that waits for it, or is made now, has it begin again when resumed."""
        if self.validation is not None:
            self.validation.stop()

    @property
    def has_ended(self) -> bool:
        """Whether all updates are made, or patience has run out."""
        return self.step >= self.config.train.steps or self.is_stale

    def update(self) -> None:
        """One supervision step of every slot, and one optimizer update from it; raises NonFiniteLoss."""
        config = self.config
        self._refill()
        self.model.depth = depth_at(self.step + 1, config.model, config.train)
        self.think(captured=self.captures)
        self._halted = host_copy(self.carry.halted)  # read when the next update begins
        self.step += 1
        if self.device.type == "cpu":  # free there; on a GPU it would wait for the step
            self._require_finite()
        self.ranks.sum_gradients(self.model.parameters())
        self._apply_gradients()

    def found(self, *, wait: bool = False) -> list[Evaluated]:
        """What the validation has found that is under way, if it is done or shall be waited for, and is not yet told."""
        validation = self.validation
        if validation is None or not (wait or validation.is_done):
            return []
        try:
            result = validation.result()
        except CancelledError:
            return []
        self.best.offer(result, validation.weights)
        self.metrics = self.metrics | result.summary() | self.best.summary()
        self.validation = None
        return [result]

    def save(self, out: Path) -> CheckpointSaved:
        """A checkpoint of this moment below `out`, complete when this returns; raises NonFiniteLoss rather than save a broken one."""
        return self.snapshot().write(checkpoint.step_folder(out, self.step))

    def snapshot(self) -> Snapshot:
        """A copy of this moment, to be written while the training goes on; raises NonFiniteLoss.

        All ranks take part, and each has the whole.
        """
        self._require_finite()
        taken = Snapshot.of(
            {"model": self.model.state_dict(), "ema": self._averages(), "state": self._state()},
            step=self.step,
            config=self.config,
            metrics=self.metrics,
            progress={"epoch": self.feed.epoch, "position": self.feed.position},
        )
        if (validation := self.validation) is None:
            return _with_best(taken, self.best)
        best = copy(self.best)  # as it is now, whatever comes after this moment

        def completed(taken: Snapshot) -> Snapshot:
            try:
                result = validation.result()
            except CancelledError:
                parts = taken.parts | {"validation": validation.tensors}
                progress = taken.progress | {"validating": validation.step}
                return _with_best(replace(taken, parts=parts, progress=progress, completed=None), best)
            best.offer(result, validation.weights)
            metrics = taken.metrics | result.summary() | best.summary()
            return _with_best(replace(taken, metrics=metrics, completed=None), best)

        return replace(taken, completed=completed)

    def _validate(self, weights: dict[str, Tensor], step: int) -> None:
        """Begin to look at the validation split with these weights of a step; without one at the first of the test split.

        The first rank does, for all.
        """
        if not self.ranks.is_first:
            return
        puzzles, split = self.splits.validation, "validation"
        if puzzles is None:
            puzzles, split = self.splits.test, "test"
        puzzles = puzzles.take(self.config.train.evaluate_puzzles)
        self.validation = Validation(
            self.model,
            weights,
            puzzles,
            config=self.config,
            step=step,
            split=split,
            dtype=self.dtype,
            compiled=self.compiling == "always"
            and self.config.model.any_size,  # wide ones gain little, and compile for long
        )

    def _waited(self) -> Iterator[Event]:
        """What the validation finds that is under way; meanwhile how far it is."""
        while (validation := self.validation) is not None and not validation.is_done:
            validation.wait(TELL_SECONDS)
            if not validation.is_done:
                yield Evaluating(self.step, validation.split, validation.count, validation.through)
        yield from self.found()

    def _examined(self) -> Iterator[Event]:
        """Accuracy on the test split of the weights that are shipped: the best if they were kept, otherwise the averages."""
        config, puzzles = self.config, self.splits.test.take(self.config.train.test_puzzles)
        weights = (self.best.weights or self._averages()) | {ROWS: self.model.puzzle_embedding}
        solver = Solver(replica(self.model, weights, config), config, self.device, compiling=self.compiling)
        result = yield from self._told(
            evaluating(
                solver.model,
                puzzles,
                step=self.step,
                split="test",
                dtype=solver.dtype,
                batch_size=config.train.batch_size,
            ),
            len(puzzles),
        )
        self.metrics = self.metrics | {f"test_{name}": value for name, value in result.summary().items()}
        yield result

    def _told(self, steps: Generator[int, None, Evaluated], count: int) -> Generator[Event, None, Evaluated]:
        """What an evaluation on the test split comes to; meanwhile how far it is."""
        told = time.monotonic()
        while True:
            try:
                through = next(steps)
            except StopIteration as end:
                result: Evaluated = end.value
                return result
            if time.monotonic() - told >= TELL_SECONDS:
                yield Evaluating(self.step, "test", count, through)
                told = time.monotonic()

    def _averages(self) -> dict[str, Tensor]:
        return dict(self.ema.shadow if self.ema else self.model.named_parameters())

    def _refill(self) -> None:
        """New puzzles into halted slots; only what the host has to tell is sent to the device, and nothing is waited for."""
        train = self.config.train
        slots = self.ranks.gather(self._halted()).nonzero().squeeze(1)
        if len(slots):
            self._enter(slots)
        if self.config.model.prefix_tokens:
            with torch.no_grad():
                self.think.rows.copy_(self.model.puzzle_rows(self.carry.puzzle_ids))
        most = self.config.model.max_supervision_steps
        drawn = explored(train.batch_size, most, train.halt_exploration, self.generator)[self.own]
        self.think.at_least.copy_(on_device(drawn, self.device))

    def _enter(self, slots: Tensor) -> None:
        """Draw puzzles and first states for these slots (K,) of all ranks, and take over those of this rank."""
        questions, labels, ids = self.feed.take(len(slots), self.generator)
        if share := reveal_at(self.step + 1, self.config.train):
            questions = reveal(questions, labels, share, self.generator)
        drawn = (*self.model.initial_state(len(slots), self.dtype, self.generator), questions, labels, ids)
        own = (slots >= self.own.start) & (slots < self.own.stop)
        y, z, questions, labels, ids = (tensor[on_device(own, tensor.device)] for tensor in drawn)
        self.carry.refill(on_device(slots[own] - self.own.start, self.device), y, z, questions, labels, ids)

    def _agree_on_the_end(self) -> None:
        """Whether patience has run out, as the first rank knows it."""
        if self.config.train.patience is not None:
            [self.is_stale] = self.ranks.follow(self.best.is_stale)

    def _apply_gradients(self) -> None:
        train, rows = self.config.train, self.think.rows
        if train.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), train.gradient_clip)
        factor = learning_rate_factor(self.step, train)
        for optimizer, peak in zip(self.optimizers, self.peaks, strict=True):
            optimizer.param_groups[0]["lr"] = peak * factor
            optimizer.step()
        if rows.grad is not None:
            sparse_sign_sgd(
                self.model.puzzle_embedding,
                self.ranks.gather(self.carry.puzzle_ids),
                self.ranks.gather(rows.grad),
                learning_rate=train.puzzle_learning_rate * factor,
                weight_decay=train.puzzle_weight_decay,
            )
        if self.ema is not None:
            self.ema.update()

    def _require_finite(self) -> None:
        step = self.window.first_bad_step()
        if step is None:
            return
        named = [
            *self.model.named_parameters(),
            ("the carried answer y", self.carry.y),
            ("the carried latent z", self.carry.z),
        ]
        broken = next(
            (name for name, tensor in named if not tensor.isfinite().all()),
            "none of the weights or states, only the loss",
        )
        raise NonFiniteLoss(
            f"The loss became infinite or not a number at step {step}; first such tensor: {broken}. The checkpoints saved before "
            "are good. Lower train.learning_rate, set train.gradient_clip=1, or use float32."
        )

    def _started(self) -> Started:
        return Started(
            step=self.step,
            total_steps=self.config.train.steps,
            parameters=self.model.parameter_count(),
            device=str(self.device),
            precision=name_of(self.dtype),
            resumed_from=self.resumed_from,
            train_puzzles=self.splits.train_puzzles,
            validation_puzzles=len(self.splits.validation) if self.splits.validation else 0,
            test_puzzles=len(self.splits.test),
            overlap=self.splits.overlap,
        )

    def _step_metrics(self, since_start: float, since_logged: float) -> StepMetrics:
        self._require_finite()
        rate = self.config.train.learning_rate * learning_rate_factor(self.step, self.config.train)
        self.window.merge(self.ranks)
        return self.window.report(self.step, since_start, since_logged, rate)

    def _state(self) -> dict[str, Tensor]:
        self.window.merge(self.ranks)
        state = {f"carry/{name}": self.ranks.gather(tensor) for name, tensor in self.carry.tensors().items()}
        for name, parameter in self.model.named_parameters():
            for key, value in self._optimizer_of(parameter).state[parameter].items():
                state[f"optimizer/{key}/{name}"] = value
        state |= {"generator": self.generator.get_state(), "noise": self.noise.get_state()}
        return state | {f"window/{name}": tensor for name, tensor in self.window.tensors().items()}

    def _restore(self, averaged: dict[str, Tensor], state: dict[str, Tensor]) -> None:
        if any(name.startswith("carry/") for name in state):  # a light pack leaves it out: all slots begin anew
            for name, tensor in self.carry.tensors().items():
                tensor.copy_(state[f"carry/{name}"][self.own])
        self._halted = host_copy(self.carry.halted)
        for name, parameter in self.model.named_parameters():
            self._optimizer_of(parameter).state[parameter] = {
                key.split("/")[1]: value.to(self.device, parameter.dtype) if value.dim() else value
                for key, value in state.items()
                if key.startswith("optimizer/") and key.split("/", 2)[2] == name
            }
        if self.ema is not None:
            self.ema.shadow = {n: averaged[n].to(self.device, old.dtype) for n, old in self.ema.shadow.items()}
        self.generator.set_state(state["generator"])
        self.noise.set_state(state["noise"])
        for name, tensor in self.window.tensors().items():
            tensor.copy_(state[f"window/{name}"])
        self.window.keep_for_one(self.ranks)

    def _optimizer_of(self, parameter: Tensor) -> torch.optim.Optimizer:
        return next(o for o in self.optimizers if any(p is parameter for p in o.param_groups[0]["params"]))


def _require_same_noise(config: RunConfig, ranks: Ranks) -> None:
    if ranks.count > 1 and config.model.update_noise:
        raise ConfigError("model.update_noise is drawn on the device, which several ranks cannot share: use one rank.")


def _with_best(taken: Snapshot, best: Best) -> Snapshot:
    parts = taken.parts | ({"best": best.weights} if best.weights else {})
    return replace(taken, parts=parts, progress=taken.progress | best.progress())
