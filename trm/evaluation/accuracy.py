"""How good a model is on puzzles with known answers."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trm.evaluation.tally import Given, Tally
from trm.interface.events import Evaluated
from trm.network.model import TinyRecursiveModel
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.rules import check_many
from trm.puzzles.scoring import PADDING, find_answered, mean, right_cells
from trm.solving.slots import ChainOutputs, Slots

HALTS_AT = 0.5  # the halt probability that training halts at


@dataclass
class Record:
    """Answers and halt probabilities of n puzzles at each of N supervision steps."""

    right: NDArray[np.bool_]  # (N, n)
    halt_probability: NDArray[np.float32]  # (N, n)
    answers: NDArray[np.int32]  # (n, L) of the last step


def record(
    model: TinyRecursiveModel,
    puzzles: PuzzleSet,
    *,
    dtype: torch.dtype,
    batch_size: int,
    on_step: Callable[[int], None] = lambda _through: None,
    on_output: Callable[[slice, ChainOutputs], None] = lambda _part, _output: None,
) -> Record:
    """Think about every puzzle for the model's full number of supervision steps.

    `on_step` is told before each step how many puzzles are through; what it raises ends the evaluation. `on_output` is told after
    it which puzzles made it, and what it brought.
    """
    count, steps = len(puzzles), model.config.max_supervision_steps
    result = Record(
        np.zeros((steps, count), bool), np.zeros((steps, count), np.float32), np.zeros_like(puzzles.questions)
    )
    slots = Slots(model, min(batch_size, count), dtype)
    for first in range(0, count, batch_size):
        part = slice(first, first + batch_size)
        slots.enter(puzzles.questions[part], None if puzzles.puzzle_ids is None else puzzles.puzzle_ids[part])
        for step in range(steps):
            on_step(first)
            output = slots.step()
            result.right[step, part] = right_cells(output.answers, puzzles.answers[part]).all(1)
            result.halt_probability[step, part] = output.halt_probability
            on_output(part, output)
        result.answers[part] = output.answers
        slots.keep(np.zeros(slots.count, dtype=bool))
    return result


def evaluate(
    model: TinyRecursiveModel,
    puzzles: PuzzleSet,
    *,
    step: int,
    split: str,
    dtype: torch.dtype,
    batch_size: int,
    on_step: Callable[[int], None] = lambda _through: None,
) -> Evaluated:
    """Accuracy, and how it and the halt probability grow with every supervision step; `on_step` as in `record`.

    The test split, which is answered once, gets the whole report of an evaluation.
    """
    begun = time.monotonic()
    most = model.config.max_supervision_steps
    counted = Counted(puzzles, most) if split == "test" else None
    on_output = counted.note if counted else lambda _part, _output: None
    seen = record(model, puzzles, dtype=dtype, batch_size=batch_size, on_step=on_step, on_output=on_output)
    passed = np.maximum.accumulate(seen.halt_probability > HALTS_AT, axis=0)  # (N, n)
    halting_step = np.where(passed[-1], passed.argmax(0) + 1, most)
    verdicts = check_many(puzzles.spec, puzzles.questions, seen.answers)
    scored = find_answered(puzzles.answers)
    right = seen.right[:, scored]
    return Evaluated(
        step=step,
        split=split,
        n=int(scored.sum()),
        seconds=round(time.monotonic() - begun, 3),
        exact_accuracy=mean(right[-1]),
        cell_accuracy=mean((seen.answers == puzzles.answers)[puzzles.answers != PADDING]),
        verified=None if verdicts is None else float(verdicts.mean()),
        halt_accuracy=mean((seen.halt_probability[-1] > HALTS_AT)[scored] == right[-1]),
        mean_supervision_steps=float(halting_step.mean()),
        halted=passed.mean(1).tolist(),
        halt_probability=seen.halt_probability.mean(1).tolist(),
        step_exact_accuracy=[mean(at_step) for at_step in right],
        report=counted.report(seen.answers) if counted else None,
    )


class Counted:
    """A tally of those of a split's puzzles whose answer is known, each solved in one chain of all steps."""

    def __init__(self, puzzles: PuzzleSet, steps: int) -> None:
        self.known, self.most = find_answered(puzzles.answers), steps
        self.places = self.known.cumsum() - 1  # in the tally
        self.tally = Tally(puzzles.select(np.flatnonzero(self.known)), 1, steps)

    def note(self, part: slice, output: ChainOutputs) -> None:
        """What a step brought to these puzzles."""
        own = np.flatnonzero(self.known[part])
        brought = output.of(own)
        chains = np.zeros(len(own), dtype=np.int64)
        self.tally.note(self.places[part][own], chains, brought.steps, brought.answers, brought.halt_probability)

    def report(self, answers: NDArray[np.int32]) -> dict[str, Any] | None:
        """What was found, with the last step's answers `(n, L)` to all puzzles; None where none could be compared."""
        count = int(self.known.sum())
        if not count:
            return None
        steps = np.full(count, self.most)
        given = Given(answers[self.known], steps, steps, ["budget"] * count)
        return self.tally.report(given).model_dump(mode="json")
