"""An inquiry: puzzles thought about in several chains each; which enter next, when a chain stops, and whose answer is given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from trm.config.model import ModelConfig
from trm.interface.effort import Effort
from trm.interface.solution import Choice, Reason, Solution, SolveStep, Tokens
from trm.puzzles.rules import check_many
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.symmetries.symmetry import Symmetry, views
from trm.solving.slots import Chances, ThoughtBatch

# Puzzles and chains (K,) that made a step, which step it was for each, their answers (K, L) and halt probabilities (K,).
OnThought = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Tokens, NDArray[np.float32]], None]


@dataclass
class Ending:
    """A chain that has stopped."""

    chain: int
    step: int
    answer: Tokens
    halt_probability: float
    reason: Reason
    verified: bool | None


class Inquiry:
    """The puzzles of a request, C chains each; chain c of puzzle i is row i C + c. The chains of a puzzle step together."""

    def __init__(
        self,
        questions: Tokens,
        effort: Effort,
        spec: PuzzleSpec,
        model: ModelConfig,
        *,
        on_solution: Callable[[int, Solution], None],
        on_step: Callable[[SolveStep], None] | None = None,
        on_thought: OnThought | None = None,
        on_end: Callable[[], None] | None = None,
        puzzle_ids: NDArray[np.int64] | None = None,
        keep_trace: bool = False,
        priority: int = 0,
    ) -> None:
        """Questions `(N, L)` and their puzzle ids `(N,)`; `on_thought` is told of steps as arrays, which costs less than `on_step`;
        `on_end` is called once nothing more will come.

        Raises ConfigError for an effort that is not possible here.
        """
        effort.require_possible(spec, model)
        self.spec, self.questions, self.effort, self.puzzle_ids = spec, questions, effort, puzzle_ids
        self.on_solution, self.on_step, self.on_thought, self.on_end = on_solution, on_step, on_thought, on_end
        self.keep_trace, self.priority = keep_trace, priority
        self.budget = effort.max_steps or model.max_supervision_steps
        self.chances = Chances(effort.seed, effort.noise, effort.restart_steps or 0, effort.guess_every or 0)
        seen = views(spec, effort.views, effort.seed) if effort.views > 1 else None
        self.views, self.inverses = seen, seen and [view.inverse() for view in seen]
        self.entered = self.answered = 0  # puzzles
        self.stopped = False
        self.error: Exception | None = None  # why it was given up
        self.taken = np.zeros(len(questions), dtype=np.int64)  # supervision steps of all chains
        self.endings: dict[int, list[Ending]] = {}
        self.traces: dict[int, list[SolveStep]] = {}

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to think about."""
        return self.stopped or self.answered == len(self.questions)

    @property
    def waiting(self) -> int:
        """Puzzles that have not entered a slot."""
        return 0 if self.stopped else len(self.questions) - self.entered

    def stop(self) -> None:
        """Nobody wants the rest: its chains leave at the next step. May be called from any thread."""
        self.stopped = True

    def give_up(self, error: Exception) -> None:
        """Nothing more will come, because of this."""
        self.error, self.stopped = error, True
        if self.on_end is not None:
            self.on_end()

    def take(self, puzzles: int) -> NDArray[np.int64]:
        """The rows of the next puzzles, which now enter slots."""
        first, self.entered = self.entered, self.entered + puzzles
        return np.arange(first * self.effort.chains, self.entered * self.effort.chains)

    def seen(self, rows: NDArray[np.int64]) -> tuple[Tokens, NDArray[np.int64], NDArray[np.int64] | None]:
        """What slots need of these rows (K,): questions `(K, L)` as the chains see them, chain numbers, puzzle ids."""
        puzzles, numbers = np.divmod(rows, self.effort.chains)
        ids = None if self.puzzle_ids is None else self.puzzle_ids[puzzles]
        return self._mapped(self.questions[puzzles], numbers, self.views), numbers, ids

    def digest(self, rows: NDArray[np.int64], thought: ThoughtBatch) -> NDArray[np.bool_]:
        """Note what a step brought to these rows (K,), give the answers that are ready, and say which rows go on."""
        if self.stopped:
            return np.zeros(len(rows), dtype=bool)
        puzzles, numbers = np.divmod(rows, self.effort.chains)
        answers = self._mapped(thought.answers, numbers, self.inverses)
        np.add.at(self.taken, puzzles, 1)
        reasons = self._reasons(thought, puzzles, answers)
        ends = reasons != ""
        if self.keep_trace or self.on_step is not None:
            self._tell(rows, thought, answers, ends)
        if self.on_thought is not None:
            self.on_thought(puzzles, numbers, thought.steps, answers, thought.halt_probability)
        if not ends.any():
            return np.ones(len(rows), dtype=bool)
        self._end(np.flatnonzero(ends), puzzles, numbers, thought, answers, reasons)
        decided = [i for i in np.unique(puzzles[ends]).tolist() if self._conclude(i)]
        goes_on: NDArray[np.bool_] = ~ends & ~np.isin(puzzles, decided)
        return goes_on

    def _reasons(self, thought: ThoughtBatch, puzzles: NDArray[np.int64], answers: Tokens) -> NDArray[np.str_]:
        """Why each chain stops now; empty where it goes on."""
        effort = self.effort
        reasons = np.where(thought.steps >= self.budget, "budget", "").astype("U8")
        if effort.stable_steps is not None:
            reasons[thought.unchanged >= effort.stable_steps] = "stable"
        if effort.halt_threshold is not None:
            reasons[thought.halt_probability >= effort.halt_threshold] = "halted"
        if effort.until_verified:
            verdicts = check_many(self.spec, self.questions[puzzles], answers)
            reasons[verdicts if verdicts is not None else []] = "verified"
        return reasons

    def _end(
        self,
        ended: NDArray[np.int64],
        puzzles: NDArray[np.int64],
        numbers: NDArray[np.int64],
        thought: ThoughtBatch,
        answers: Tokens,
        reasons: NDArray[np.str_],
    ) -> None:
        verdicts = check_many(self.spec, self.questions[puzzles[ended]], answers[ended])
        for place, k in enumerate(ended.tolist()):
            ending = Ending(
                chain=int(numbers[k]),
                step=int(thought.steps[k]),
                answer=answers[k],
                halt_probability=float(thought.halt_probability[k]),
                reason=cast(Reason, str(reasons[k])),
                verified=None if verdicts is None else bool(verdicts[place]),
            )
            self.endings.setdefault(int(puzzles[k]), []).append(ending)

    def _conclude(self, i: int) -> bool:
        """Give the puzzle's answer if it is time."""
        endings, effort = self.endings[i], self.effort
        verified = [e for e in endings if e.reason == "verified"]
        by_itself = [e for e in endings if e.reason != "budget"]
        if verified:
            self._give(i, verified[0], "verified")
        elif effort.choose == "first" and by_itself:
            self._give(i, max(by_itself, key=_confidence), "first")
        elif len(endings) < effort.chains:
            return False
        elif len(endings) == 1:
            self._give(i, endings[0], "only")
        elif effort.choose == "votes":
            self._give(i, max(endings, key=lambda e: (_votes(endings, e), e.halt_probability)), "votes")
        else:
            self._give(i, max(endings, key=_confidence), "halt_probability")
        return True

    def _give(self, i: int, ending: Ending, chosen_by: Choice) -> None:
        endings, chains = self.endings.pop(i), self.effort.chains
        traces = [self.traces.pop(row, []) for row in range(i * chains, (i + 1) * chains)] if self.keep_trace else None
        solution = Solution(
            spec=self.spec,
            question=self.questions[i],
            tokens=ending.answer,
            verified=ending.verified,
            halt_probability=ending.halt_probability,
            steps=ending.step,
            reason=ending.reason,
            chosen_by=chosen_by,
            chain=ending.chain,
            votes=_votes(endings, ending),
            chains=len(endings),
            total_steps=int(self.taken[i]),
            trace=None if traces is None else tuple(traces[ending.chain]),
        )
        self.answered += 1
        self.on_solution(i, solution)
        if self.answered == len(self.questions) and self.on_end is not None:
            self.on_end()

    def _tell(self, rows: NDArray[np.int64], thought: ThoughtBatch, answers: Tokens, ends: NDArray[np.bool_]) -> None:
        puzzles, numbers = np.divmod(rows, self.effort.chains)
        previous = self._mapped(thought.previous, numbers, self.inverses)
        verdicts = check_many(self.spec, self.questions[puzzles], answers)
        for k, row in enumerate(rows.tolist()):
            step = SolveStep(
                index=int(puzzles[k]),
                chain=int(numbers[k]),
                step=int(thought.steps[k]),
                spec=self.spec,
                question=self.questions[puzzles[k]],
                tokens=answers[k],
                halt_probability=float(thought.halt_probability[k]),
                changed_cells=tuple(np.flatnonzero(answers[k] != previous[k]).tolist()),
                verified=None if verdicts is None else bool(verdicts[k]),
                halted=bool(ends[k]),
            )
            if self.keep_trace:
                self.traces.setdefault(row, []).append(step)
            if self.on_step is not None:
                self.on_step(step)

    def _mapped(self, grids: Tokens, numbers: NDArray[np.int64], maps: list[Symmetry] | None) -> Tokens:
        """Grids `(K, L)` of chains of these numbers, under the map of each chain's view."""
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
