"""Progress of a training and the time that remains, from its events: updates, then the final evaluations."""

import time

from trm.config.cost import evaluation_updates
from trm.config.run import RunConfig
from trm.interface import events
from trm.interface.events import Event

FIRST, LAST = "validation", "test"


class TrainingProgress:
    """Follows the events of one attempt; the remaining work is estimated at the pace measured so far."""

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.step = self.first_step = 0
        self.begun: float | None = None
        self.updated: float | None = None  # when the last update was made, if nothing else has happened since
        self.update_seconds: float | None = None
        self.puzzle_seconds: float | None = None  # of an evaluation
        self.left: dict[str, float] = {FIRST: 0, LAST: 0}  # puzzles to answer after the last update
        self._share = 0.0

    def take(self, event: Event) -> float | None:
        """Note an event; the seconds of an optimizer update when it tells of one that nothing else has held up."""
        now, seconds = time.monotonic(), None
        match event:
            case events.Started():
                self._note_start(event, now)
            case events.Updated():
                if self.updated is not None and event.step == self.step + 1:
                    seconds = now - self.updated
                self._note_step(event.step, now)
                self.updated = now
            case events.StepMetrics():
                if event.step == self.config.train.steps:
                    self._note_step(event.step, now)
            case events.Evaluating():
                if self._is_over:
                    self.left[event.split] = event.n - event.through
                self.updated = None
            case events.Evaluated():
                self._note_evaluation(event)
                self.updated = None
        return seconds

    @property
    def eta_seconds(self) -> float | None:
        """How long the rest will take; none before the first update."""
        if self.update_seconds is None:
            return None
        price = self.puzzle_seconds
        if price is None:
            price = self.update_seconds * evaluation_updates(self.config)
        updates = 0 if self._is_over else self.config.train.steps - self.step
        return updates * self.update_seconds + sum(self.left.values()) * price

    @property
    def share(self) -> float:
        """Share of the training's total time that has passed; never decreases."""
        if (eta := self.eta_seconds) is not None and self.update_seconds is not None and self.begun is not None:
            past = self.first_step * self.update_seconds + time.monotonic() - self.begun
            self._share = max(self._share, past / (past + eta) if past + eta else 0.0)
        return self._share

    @property
    def _is_over(self) -> bool:
        return self.step >= self.config.train.steps

    def _note_start(self, event: events.Started, now: float) -> None:
        self.step = self.first_step = event.step
        self.begun = now
        train = self.config.train
        for split, most, puzzles in (
            (FIRST, train.evaluate_puzzles, event.validation_puzzles),
            (LAST, train.test_puzzles, event.test_puzzles),
        ):
            self.left[split] = puzzles if most is None else min(puzzles, most)

    def _note_step(self, step: int, now: float) -> None:
        self.step = max(self.step, step)
        if self.begun is not None and self.step > self.first_step and not (self._is_over and self.update_seconds):
            self.update_seconds = (now - self.begun) / (self.step - self.first_step)

    def _note_evaluation(self, event: events.Evaluated) -> None:
        self.puzzle_seconds = event.seconds / max(1, event.n)
        if self._is_over and event.step >= self.config.train.steps:
            self.left[event.split] = 0
