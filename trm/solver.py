"""Solving puzzles with a trained model, honest about its confidence."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from trm.checkpoint import read_meta, read_tensors
from trm.config import RunConfig
from trm.device import dtype_of, pick_device
from trm.errors import ForeignCheckpoint
from trm.model import TinyRecursiveModel
from trm.puzzles.rules import check
from trm.thinking import think


@dataclass(frozen=True)
class SolveStep:
    """One puzzle after one supervision step."""

    index: int  # of the puzzle in the request
    step: int  # from 1
    answer: NDArray[np.int32]  # (L,) tokens
    halt_probability: float
    changed_cells: tuple[int, ...]  # since the step before; since the question at step 1
    verified: bool | None  # obeys the rules; None for kinds without rules
    halted: bool  # thinking ended here


@dataclass(frozen=True)
class Solution:
    """The answer to one puzzle, and how sure the model is of it."""

    answer: NDArray[np.int32]  # (L,) tokens
    verified: bool | None
    halt_probability: float
    steps: int  # supervision steps used
    halted: bool  # by its own halt probability, rather than by the end of the budget
    trace: tuple[SolveStep, ...] | None


class Solver:
    """A trained model ready to solve; not safe for use from several threads at once."""

    def __init__(self, model: TinyRecursiveModel, config: RunConfig, device: torch.device) -> None:
        self.config, self.spec = config, config.puzzle
        self.dtype = dtype_of(config.train.precision)
        self.model = model.to(device).eval()
        for parameter in self.model.parameters():  # cast once here, not in each of the 16 x 21 calls
            parameter.requires_grad_(False)
            parameter.data = parameter.data.to(self.dtype)

    @classmethod
    def load(cls, checkpoint: Path | str, device: str = "auto") -> Self:
        """The averaged weights of a checkpoint folder; raises CheckpointError when it is damaged or not ours."""
        meta = read_meta(Path(checkpoint))
        model = TinyRecursiveModel(meta.config.model, meta.config.puzzle)
        try:
            model.load_state_dict(read_tensors(Path(checkpoint), meta, "model"))
            model.load_state_dict(read_tensors(Path(checkpoint), meta, "ema"), strict=False)
        except RuntimeError as error:
            raise ForeignCheckpoint(
                f"The weights in {checkpoint} are not those of its configuration: {error}"
            ) from error
        return cls(model, meta.config, pick_device(device))

    def solve(
        self,
        questions: NDArray[np.int32],
        *,
        max_steps: int | None = None,
        halt_threshold: float | None = None,
        batch_size: int = 256,
        keep_trace: bool = False,
        on_step: Callable[[SolveStep], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> list[Solution]:
        """Solutions of questions `(N, L)` in their order; shorter than N only if `should_stop` said so.

        Without `halt_threshold` every puzzle takes `max_steps` (the model's own maximum unless given), as in the paper.
        With it a puzzle leaves at the first step whose halt probability reaches it.
        """
        budget = max_steps or self.config.model.max_supervision_steps
        solutions: list[Solution] = []
        for first in range(0, len(questions), batch_size):
            part = self._solve_batch(
                questions[first : first + batch_size], first, budget, halt_threshold, keep_trace, on_step, should_stop
            )
            if part is None:
                break
            solutions += part
        return solutions

    def _solve_batch(
        self,
        questions: NDArray[np.int32],
        first: int,
        max_steps: int,
        halt_threshold: float | None,
        keep_trace: bool,
        on_step: Callable[[SolveStep], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> list[Solution] | None:
        previous = questions.copy()
        traces: list[list[SolveStep]] = [[] for _ in questions]
        solutions: dict[int, Solution] = {}
        every_step = keep_trace or on_step is not None
        for thought in think(
            self.model, questions, max_steps=max_steps, halt_threshold=halt_threshold, dtype=self.dtype
        ):
            if should_stop is not None and should_stop():
                return None
            for row, i in enumerate(thought.rows.tolist()):
                if not every_step and not thought.halted[row]:
                    continue
                step = SolveStep(
                    index=first + i,
                    step=thought.step,
                    answer=thought.answers[row],
                    halt_probability=float(thought.halt_probability[row]),
                    changed_cells=tuple(np.flatnonzero(thought.answers[row] != previous[i]).tolist()),
                    verified=check(self.spec, questions[i], thought.answers[row]),
                    halted=bool(thought.halted[row]),
                )
                traces[i].append(step)
                if on_step is not None:
                    on_step(step)
                if step.halted:
                    solutions[i] = self._solution(step, halt_threshold, tuple(traces[i]) if keep_trace else None)
            previous[thought.rows] = thought.answers
        return [solutions[i] for i in range(len(questions))]

    @staticmethod
    def _solution(step: SolveStep, halt_threshold: float | None, trace: tuple[SolveStep, ...] | None) -> Solution:
        by_itself = halt_threshold is not None and step.halt_probability >= halt_threshold
        return Solution(step.answer, step.verified, step.halt_probability, step.step, by_itself, trace)
