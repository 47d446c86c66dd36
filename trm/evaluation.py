"""How good a model is on puzzles with known answers."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from trm.events import Evaluated
from trm.model import TinyRecursiveModel
from trm.puzzles.datasets import PuzzleSet
from trm.puzzles.rules import check_many
from trm.thinking import think

HALTS_AT = 0.5  # the halt probability that training halts at


@dataclass
class Record:
    """Answers and halt probabilities of n puzzles at each of N supervision steps."""

    right: NDArray[np.bool_]  # (N, n)
    halt_probability: NDArray[np.float32]  # (N, n)
    answers: NDArray[np.int32]  # (n, L) of the last step


def record(
    model: TinyRecursiveModel, puzzles: PuzzleSet, *, max_steps: int, dtype: torch.dtype, batch_size: int
) -> Record:
    """Think about every puzzle for all `max_steps`."""
    count = len(puzzles.questions)
    result = Record(
        np.zeros((max_steps, count), bool), np.zeros((max_steps, count), np.float32), np.zeros_like(puzzles.questions)
    )
    for first in range(0, count, batch_size):
        part = slice(first, first + batch_size)
        for thought in think(model, puzzles.questions[part], max_steps=max_steps, halt_threshold=None, dtype=dtype):
            result.right[thought.step - 1, part] = (thought.answers == puzzles.answers[part]).all(1)
            result.halt_probability[thought.step - 1, part] = thought.halt_probability
            result.answers[part] = thought.answers
    return result


def evaluate(
    model: TinyRecursiveModel, puzzles: PuzzleSet, *, step: int, split: str, dtype: torch.dtype, batch_size: int
) -> Evaluated:
    """Accuracy, and how it and the halt probability grow with every supervision step."""
    begun = time.monotonic()
    most = model.config.max_supervision_steps
    seen = record(model, puzzles, max_steps=most, dtype=dtype, batch_size=batch_size)
    passed = np.maximum.accumulate(seen.halt_probability > HALTS_AT, axis=0)  # (N, n)
    halting_step = np.where(passed[-1], passed.argmax(0) + 1, most)
    verdicts = check_many(puzzles.spec, puzzles.questions, seen.answers)
    return Evaluated(
        step=step,
        split=split,
        n=len(puzzles.questions),
        seconds=round(time.monotonic() - begun, 3),
        exact_accuracy=float(seen.right[-1].mean()),
        cell_accuracy=float((seen.answers == puzzles.answers).mean()),
        verified=None if verdicts is None else float(verdicts.mean()),
        halt_accuracy=float(((seen.halt_probability[-1] > HALTS_AT) == seen.right[-1]).mean()),
        mean_supervision_steps=float(halting_step.mean()),
        halted=passed.mean(1).tolist(),
        halt_probability=seen.halt_probability.mean(1).tolist(),
        step_exact_accuracy=seen.right.mean(1).tolist(),
    )
