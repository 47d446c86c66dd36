"""Puzzles thought about in several chains each: when a chain stops, and whose answer is given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from trm.config import PuzzleSpec
from trm.effort import Effort
from trm.model import TinyRecursiveModel
from trm.puzzles.rules import check, check_many
from trm.puzzles.symmetry import Symmetry, views
from trm.solution import Choice, Reason, Solution, SolveStep, Tokens
from trm.thinking import Thinking, ThoughtBatch


@dataclass
class Ending:
    """A chain that has stopped."""

    chain: int
    step: int
    answer: Tokens
    halt_probability: float
    reason: Reason


class ChainBatch:
    """Some puzzles of a request, thought about together, C chains each; chain c of puzzle i is row i C + c."""

    def __init__(
        self,
        model: TinyRecursiveModel,
        spec: PuzzleSpec,
        dtype: torch.dtype,
        questions: Tokens,
        puzzle_ids: NDArray[np.int64] | None,
        effort: Effort,
        *,
        first: int = 0,
        keep_trace: bool = False,
        on_step: Callable[[SolveStep], None] | None = None,
    ) -> None:
        """Questions `(N, L)` and their puzzle ids `(N,)`; `first` is the place of the first one in the request."""
        self.spec, self.questions, self.effort, self.first = spec, questions, effort, first
        self.keep_trace, self.on_step = keep_trace, on_step
        self.budget = effort.max_steps or model.config.max_supervision_steps
        self.views: list[Symmetry] | None = views(self.spec, effort.views, effort.seed) if effort.views > 1 else None
        self.previous = questions.repeat(effort.chains, axis=0)  # (N C, L), in the puzzle's own view
        self.unchanged = np.zeros(len(self.previous), dtype=np.int64)  # steps since the last change
        self.endings: list[list[Ending]] = [[] for _ in questions]
        self.traces: dict[int, list[SolveStep]] = {}
        self.solutions: dict[int, Solution] = {}
        self.taken = np.zeros(len(questions), dtype=np.int64)  # supervision steps of all chains
        numbers = np.arange(len(self.previous)) % effort.chains
        self.thinking = Thinking(
            model,
            self._seen(self.previous, numbers),
            dtype=dtype,
            puzzle_ids=None if puzzle_ids is None else puzzle_ids.repeat(effort.chains),
            numbers=numbers,
            noise=effort.noise,
            seed=effort.seed,
        )

    def run(self, should_stop: Callable[[], bool] | None) -> list[Solution] | None:
        """The solutions in order; None if `should_stop` said so."""
        while len(self.solutions) < len(self.questions):
            thought = self.thinking.step()
            if should_stop is not None and should_stop():
                return None
            self.thinking.keep(self._digest(thought))
        return [self.solutions[i] for i in range(len(self.questions))]

    def _digest(self, thought: ThoughtBatch) -> NDArray[np.bool_]:
        """Note what a step brought; returns which of its chains go on."""
        puzzles, numbers = np.divmod(thought.rows, self.effort.chains)
        answers = self._own(thought.answers, numbers)
        same = (answers == self.previous[thought.rows]).all(1)
        self.unchanged[thought.rows] = np.where(same, self.unchanged[thought.rows] + 1, 0)
        np.add.at(self.taken, puzzles, 1)
        reasons = self._reasons(thought, puzzles, answers)
        self._tell(thought, answers, reasons)
        self.previous[thought.rows] = answers
        for k in np.flatnonzero(reasons != "").tolist():
            ending = Ending(
                int(numbers[k]),
                thought.step,
                answers[k],
                float(thought.halt_probability[k]),
                cast(Reason, str(reasons[k])),
            )
            self.endings[puzzles[k]].append(ending)
        for i in np.unique(puzzles).tolist():
            self._conclude(i)
        decided = np.array([i in self.solutions for i in puzzles.tolist()], dtype=bool)
        goes_on: NDArray[np.bool_] = (reasons == "") & ~decided
        return goes_on

    def _reasons(self, thought: ThoughtBatch, puzzles: NDArray[np.int64], answers: Tokens) -> NDArray[np.str_]:
        """Why each chain stops now; empty where it goes on."""
        effort = self.effort
        reasons = np.full(len(puzzles), "budget" if thought.step == self.budget else "", dtype="U8")
        if effort.stable_steps is not None:
            reasons[self.unchanged[thought.rows] >= effort.stable_steps] = "stable"
        if effort.halt_threshold is not None:
            reasons[thought.halt_probability >= effort.halt_threshold] = "halted"
        if effort.until_verified:
            verdicts = check_many(self.spec, self.questions[puzzles], answers)
            reasons[verdicts if verdicts is not None else []] = "verified"
        return reasons

    def _conclude(self, i: int) -> None:
        """Give the puzzle's answer if it is time."""
        endings, effort = self.endings[i], self.effort
        verified = [e for e in endings if e.reason == "verified"]
        if verified:
            self._give(i, verified[0], "verified")
        elif effort.choose == "first" and any(e.reason != "budget" for e in endings):
            self._give(i, max((e for e in endings if e.reason != "budget"), key=_confidence), "first")
        elif len(endings) == effort.chains:
            self._choose(i)

    def _choose(self, i: int) -> None:
        endings = self.endings[i]
        if len(endings) == 1:
            self._give(i, endings[0], "only")
        elif self.effort.choose == "votes":
            self._give(i, max(endings, key=lambda e: (_votes(endings, e), e.halt_probability)), "votes")
        else:
            self._give(i, max(endings, key=_confidence), "halt_probability")

    def _give(self, i: int, ending: Ending, chosen_by: Choice) -> None:
        self.solutions[i] = Solution(
            answer=ending.answer,
            verified=check(self.spec, self.questions[i], ending.answer),
            halt_probability=ending.halt_probability,
            steps=ending.step,
            reason=ending.reason,
            chosen_by=chosen_by,
            chain=ending.chain,
            votes=_votes(self.endings[i], ending),
            chains=len(self.endings[i]),
            total_steps=int(self.taken[i]),
            trace=tuple(self.traces[i * self.effort.chains + ending.chain]) if self.keep_trace else None,
        )

    def _tell(self, thought: ThoughtBatch, answers: Tokens, reasons: NDArray[np.str_]) -> None:
        if not self.keep_trace and self.on_step is None:
            return
        for k, row in enumerate(thought.rows.tolist()):
            i, chain = divmod(row, self.effort.chains)
            step = SolveStep(
                index=self.first + i,
                chain=chain,
                step=thought.step,
                answer=answers[k],
                halt_probability=float(thought.halt_probability[k]),
                changed_cells=tuple(np.flatnonzero(answers[k] != self.previous[row]).tolist()),
                verified=check(self.spec, self.questions[i], answers[k]),
                halted=bool(reasons[k]),
            )
            self.traces.setdefault(row, []).append(step)
            if self.on_step is not None:
                self.on_step(step)

    def _seen(self, grids: Tokens, numbers: NDArray[np.int64]) -> Tokens:
        """Grids `(K, L)` as the chains of these numbers see them."""
        return self._mapped(grids, numbers, self.views)

    def _own(self, grids: Tokens, numbers: NDArray[np.int64]) -> Tokens:
        """What chains of these numbers see, in the puzzle's own view."""
        return self._mapped(grids, numbers, self.views and [view.inverse() for view in self.views])

    def _mapped(self, grids: Tokens, numbers: NDArray[np.int64], maps: list[Symmetry] | None) -> Tokens:
        if maps is None:
            return grids
        out = grids.copy()
        for number, view in enumerate(maps):
            chosen = numbers // self.effort.rollouts == number
            out[chosen] = view.apply(grids[chosen])
        return out


def _confidence(ending: Ending) -> tuple[float, int]:
    return ending.halt_probability, -ending.chain


def _votes(endings: list[Ending], ending: Ending) -> int:
    return sum(np.array_equal(ending.answer, other.answer) for other in endings)
