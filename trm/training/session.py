"""A training from its first update to its end: it updates, logs, validates, saves, stops when asked to, and tests once.

    session = Session(Trainer(config, splits, device), out=Path("checkpoints"))
    for event in session.run():
        print(event)

To leave the loop is fine after any event: `trainer.state.save()` keeps all that was done, and `Trainer.resume()` continues from there.
"""

import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from torch import Tensor

from trm.checkpoints.checkpoint import Snapshot, step_folder
from trm.checkpoints.writer import CheckpointWriter
from trm.errors import StorageFull, TrmError
from trm.interface.events import CheckpointFailed, Evaluating, Event, Finished, Started, StepMetrics, Stopped, Updated
from trm.network.device import name_of, peak_bytes
from trm.solving.solver import Solver
from trm.training.pace import Pace
from trm.training.schedule import learning_rate_factor
from trm.training.state import Unvalidated
from trm.training.trainer import Trainer
from trm.training.validation import ROWS, Evaluation, Validation, replica

TELL_SECONDS = 5.0  # between two reports of how far an evaluation is that the training waits for


class Session:
    """Runs a trainer; of several ranks, each has one, and the first validates, tests and saves for all."""

    def __init__(self, trainer: Trainer, *, out: Path | None = None, pace: Pace | None = None) -> None:
        """Checkpoints go below `out`, if anywhere."""
        self.trainer, self.out, self.pace = trainer, out, pace or Pace()
        self.config, self.ranks, self.state = trainer.config, trainer.ranks, trainer.state
        self.evaluation: Evaluation | None = None  # under way, or its outcome not yet told
        self.held: Snapshot | None = None  # to be written as soon as that is known
        self.begun = self.logged = time.monotonic()

    def run(self) -> Iterator[Event]:
        """Run until the test split is answered or a stop is requested; both end with a checkpoint. Yields every event."""
        state, train, ranks = self.state, self.config.train, self.ranks
        with CheckpointWriter() as self.writer, closing(self):
            yield self._start()
            yield from self._take_news()  # of a validation that was interrupted
            [over] = ranks.follow(self.has_ended)
            while not over:
                self.trainer.update()
                if self._is_due(train.log_every) or state.step == train.steps:
                    yield self._report()
                if self._validates_at(state.step):
                    self._validate(state.averages, state.step)
                yield Updated(state.step)
                yield from self._take_news()
                over, saves = ranks.follow(
                    self.has_ended or self.pace.stops, self._is_due(train.checkpoint_every) or self.pace.saves
                )
                if saves and not over:
                    yield from self._save()
            if not self.is_tested:
                if self.has_ended:
                    yield from self._test()
                yield from self._save_last()
            seconds, device = round(time.monotonic() - self.begun, 3), self.trainer.device
            exact = state.metrics.get("test_exact_accuracy")
            yield Finished(state.step, seconds, exact, peak_bytes(device)) if self.is_tested else Stopped(state.step)

    def close(self) -> None:
        """Stop the evaluation that is under way, which begins again when resumed, and write the checkpoint that was held for it."""
        if self.evaluation is not None:
            self.evaluation.stop()
        self.evaluation = None
        list(self._write())

    def keep(self) -> None:
        """Save a checkpoint when an evaluation, or reporting it, has failed, so that no training is lost."""
        if self.out is not None and self.ranks.count == 1:  # a checkpoint needs all ranks
            with suppress(TrmError):
                self.state.save(self.out)

    @property
    def has_ended(self) -> bool:
        """Whether all updates are made, or patience has run out."""
        return self.state.step >= self.config.train.steps or self.state.best.is_stale

    @property
    def is_tested(self) -> bool:
        """Whether the test split is answered, which is the last thing that a training does."""
        return "test_exact_accuracy" in self.state.metrics

    def _is_due(self, every: int) -> bool:
        return self.state.step % every == 0

    def _validates_at(self, step: int) -> bool:
        """Whether a validation follows this update; the last one is followed by the test, if there is nothing else to look at."""
        train = self.config.train
        return bool(self.trainer.splits.validation) if step == train.steps else step % train.evaluate_every == 0

    def _validate(self, weights: dict[str, Tensor], step: int) -> None:
        """Begin to look at the validation split with these weights of a step; without one at the first of the test split."""
        if not self.ranks.is_first:
            return
        puzzles, split = self.trainer.splits.validation, "validation"
        if puzzles is None:
            puzzles, split = self.trainer.splits.test, "test"
        self.evaluation = Validation(
            self.state.model,
            weights,
            puzzles.take(self.config.train.evaluate_puzzles),
            config=self.config,
            step=step,
            split=split,
            dtype=self.state.carry.y.dtype,
            # wide ones gain little, and compile for long
            compiled=self.trainer.compiling == "always" and self.config.model.any_size,
        )
        self.state.unvalidated = Unvalidated(step, self.evaluation.tensors)

    def _take_news(self) -> Iterator[Event]:
        """What the validation has found, and which checkpoint is complete, since the last update.

        A validation is waited for where the next update depends on it: patience may have run out, and one runs at a time.
        """
        if self.config.train.patience is not None or self._validates_at(self.state.step + 1):
            yield from self._wait()
        yield from self._take_validation()
        yield from self.writer.ready()

    def _wait(self) -> Iterator[Event]:
        """Report the validation's progress until it is done or a stop is requested; the time limit does not interrupt it."""
        begun, running = time.monotonic(), self.evaluation
        while running is not None and not running.is_done and not self.pace.asked:
            running.wait(TELL_SECONDS)
            if not running.is_done:
                yield Evaluating(self.state.step, running.split, running.count, running.through)
        self.logged += time.monotonic() - begun  # to wait for a validation is not to train

    def _take_validation(self) -> Iterator[Event]:
        """What the validation has found, if it is done; then the checkpoint is written that was held for it."""
        if (evaluation := self.evaluation) is not None and evaluation.is_done:
            result, self.evaluation = evaluation.result(), None
            self.state.take_note(result, evaluation.weights if isinstance(evaluation, Validation) else None)
            yield result
        if self.evaluation is None:
            yield from self._write()

    def _save(self) -> Iterator[Event]:
        """Take a snapshot of this moment; it is written as soon as the validation under way has reported."""
        if self.out is None:
            return
        if self.held is not None:  # for a validation that takes long
            yield from self._wait()
            yield from self._take_validation()
        snapshot = self.state.snapshot()  # all ranks take part
        if self.ranks.is_first:
            self.held = snapshot
            self.pace.note_save()
            yield from self._take_validation()

    def _save_last(self) -> Iterator[Event]:
        """The same, without waiting for a validation; raises StorageFull when there is no room for it."""
        self.held = None  # to stop takes no longer than to write
        self.close()
        yield from self._save()
        yield from self.writer.wait()
        if isinstance(self.writer.last, CheckpointFailed):  # stopping now would lose everything since the one before
            raise StorageFull(self.writer.last.message)

    def _write(self) -> Iterator[Event]:
        held, self.held = self.held, None
        if held is not None and self.out is not None:
            yield from self.writer.begin(self.state.with_findings(held), step_folder(self.out, held.step))

    def _test(self) -> Iterator[Event]:
        """Accuracy on the test split of the weights that are shipped: the best if they were kept, otherwise the averages."""
        yield from self._wait()
        yield from self._take_validation()
        if not self.ranks.is_first or self.evaluation is not None:  # asked to stop
            return
        trainer, state, config = self.trainer, self.state, self.config
        puzzles = trainer.splits.test.take(config.train.test_puzzles)
        weights = (state.best.weights or state.averages) | {ROWS: state.model.puzzle_embedding}
        solver = Solver(replica(state.model, weights, config), config, trainer.device, compiling=trainer.compiling)
        self.evaluation = Evaluation(
            solver.model, puzzles, step=state.step, split="test", dtype=solver.dtype, batch_size=config.train.batch_size
        )
        yield from self._wait()
        yield from self._take_validation()

    def _start(self) -> Started:
        state, splits = self.state, self.trainer.splits
        self.begun = self.logged = time.monotonic()
        if state.unvalidated is not None:  # stopped before it was
            self._validate(state.unvalidated.tensors, state.unvalidated.step)
        return Started(
            step=state.step,
            total_steps=self.config.train.steps,
            parameters=state.model.parameter_count(),
            device=str(self.trainer.device),
            precision=name_of(state.carry.y.dtype),
            resumed_from=state.resumed_from,
            train_puzzles=splits.train_puzzles,
            validation_puzzles=len(splits.validation) if splits.validation else 0,
            test_puzzles=len(splits.test),
            overlap=splits.overlap,
        )

    def _report(self) -> StepMetrics:
        state, train, now = self.state, self.config.train, time.monotonic()
        state.require_finite()
        state.window.merge(self.ranks)
        rate = train.learning_rate * learning_rate_factor(state.step, train)
        since_logged, self.logged = now - self.logged, now
        return state.window.report(state.step, now - self.begun, since_logged, rate)
