"""A solve request: puzzles solved in several chains each; which enter next, when a chain stops, and which answer is returned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from trm.config.model import ModelConfig
from trm.errors import CarryInvalid
from trm.interface.effort import Effort
from trm.interface.solution import Choice, Reason, Solution, SolveStep, Tokens
from trm.puzzles.rules import check_many
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.symmetries.symmetry import Symmetry, views
from trm.solving.carry import Carry
from trm.solving.slots import ChainOutputs, NoiseSeed

# Puzzles and chains (K,) that made a step, which step it was for each, their answers (K, L) and halt probabilities (K,).
OnOutput = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Tokens, NDArray[np.float32]], None]


@dataclass
class FinishedChain:
    """A chain that has stopped, by the names that a `Solution` has for its parts."""

    chain: int
    steps: int
    tokens: Tokens
    halt_probability: float
    reason: Reason
    verified: bool | None


class SolveRequest:
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
        on_output: OnOutput | None = None,
        on_carry: Callable[[int, Carry], None] | None = None,
        on_end: Callable[[], None] | None = None,
        puzzle_ids: NDArray[np.int64] | None = None,
        keep_trace: bool = False,
        priority: int = 0,
        carries: Sequence[Carry] | None = None,
    ) -> None:
        """Questions `(N, L)` and their puzzle ids `(N,)`; `on_output` is told of steps as arrays, which costs less than `on_step`;
        `on_carry` is given the carry of a puzzle's chains before its solution; `on_end` is called once nothing more will come.

        With `carries`, one for each puzzle, its chains continue from there: the answers are those of one solve with all the steps.
        A chain which the effort stops where its carry was taken makes no step. Raises ConfigError for an effort that is not
        possible here, CarryInvalid for a carry of another number of chains.
        """
        effort.require_possible(spec, model)
        self.spec, self.questions, self.effort, self.puzzle_ids = spec, questions, effort, puzzle_ids
        self.on_solution, self.on_step, self.on_output, self.on_end = on_solution, on_step, on_output, on_end
        self.on_carry, self.carry = on_carry, None if carries is None else self._join(carries)
        self.keep_trace, self.priority = keep_trace, priority
        self.budget = effort.max_steps or model.max_supervision_steps
        self.noise_seed = NoiseSeed(effort.seed, effort.noise, effort.restart_steps or 0, effort.guess_every or 0)
        seen = views(spec, effort.views, effort.seed) if effort.views > 1 else None
        self.views, self.inverses = seen, seen and [view.inverse() for view in seen]
        self.entered = self.answered = 0  # puzzles
        self.stopped = False
        self.error: Exception | None = None  # why it was given up
        self.taken = np.zeros(len(questions), dtype=np.int64)  # supervision steps of all chains
        self.to_enter = np.arange(len(questions))  # puzzles, in their order
        self.ended = np.zeros(len(questions) * effort.chains, dtype=bool)  # rows that stay where their carry was taken
        self.left: dict[int, Carry] = {}  # of rows that have ended, until their puzzle's answer is given
        self.finished_chains: dict[int, list[FinishedChain]] = {}
        self.traces: dict[int, list[SolveStep]] = {}

    @property
    def is_finished(self) -> bool:
        """Whether all its puzzles are answered."""
        return self.stopped or self.answered == len(self.questions)

    @property
    def waiting(self) -> int:
        """Puzzles that have not entered a slot."""
        return 0 if self.stopped else len(self.to_enter) - self.entered

    def stop(self) -> None:
        """The rest is not needed: its chains leave at the next step. May be called from any thread."""
        self.stopped = True

    def give_up(self, error: Exception) -> None:
        """Fail the request with this error."""
        self.error, self.stopped = error, True
        if self.on_end is not None:
            self.on_end()

    def take(self, puzzles: int) -> NDArray[np.int64]:
        """The rows of the next puzzles, which now enter slots."""
        first, self.entered = self.entered, self.entered + puzzles
        rows = self._list_rows(self.to_enter[first : self.entered])
        return rows[~self.ended[rows]]

    def prepare(
        self, rows: NDArray[np.int64]
    ) -> tuple[Tokens, NDArray[np.int64], NDArray[np.int64] | None, Carry | None]:
        """What slots need of these rows (K,): questions `(K, L)` as the chains see them, chain numbers, puzzle ids, carry."""
        puzzles, numbers = np.divmod(rows, self.effort.chains)
        ids = None if self.puzzle_ids is None else self.puzzle_ids[puzzles]
        carry = None if self.carry is None else self.carry.of(rows)
        return self._map(self.questions[puzzles], numbers, self.views), numbers, ids, carry

    def begin(self) -> None:
        """Before any puzzle enters: give the answers which the effort accepts as the carry has them."""
        if self.carry is None:
            return
        rows = self._list_rows(self.to_enter)
        puzzles, numbers = np.divmod(rows, self.effort.chains)
        steps, unchanged, answers = (t.numpy() for t in (self.carry.steps, self.carry.unchanged, self.carry.answers))
        output = ChainOutputs(steps, answers, answers, unchanged, self.carry.halt_probability.numpy())
        np.add.at(self.taken, puzzles, steps)
        goes_on = self._settle(rows, output, self._map(answers, numbers, self.inverses), self.carry.of)
        self.ended = ~goes_on
        self.to_enter = np.unique(puzzles[goes_on])

    def record(
        self, rows: NDArray[np.int64], output: ChainOutputs, copy_carry: Callable[[NDArray[np.int64]], Carry]
    ) -> NDArray[np.bool_]:
        """Note what a step brought to these rows (K,), give the answers that are ready, and say which rows continue.

        `copy_carry` gives the carry of some of them, by their places among the K.
        """
        if self.stopped:
            return np.zeros(len(rows), dtype=bool)
        puzzles, numbers = np.divmod(rows, self.effort.chains)
        answers = self._map(output.answers, numbers, self.inverses)
        np.add.at(self.taken, puzzles, 1)
        if self.on_output is not None:
            self.on_output(puzzles, numbers, output.steps, answers, output.halt_probability)
        return self._settle(rows, output, answers, copy_carry, made_step=True)

    def _settle(
        self,
        rows: NDArray[np.int64],
        output: ChainOutputs,
        answers: Tokens,
        copy_carry: Callable[[NDArray[np.int64]], Carry],
        *,
        made_step: bool = False,
    ) -> NDArray[np.bool_]:
        """End the chains whose time is up, and say which rows continue."""
        puzzles, numbers = np.divmod(rows, self.effort.chains)
        reasons = self._find_reasons(output, puzzles, answers)
        ends = reasons != ""
        if made_step and (self.keep_trace or self.on_step is not None):
            self._tell(rows, output, answers, ends)
        if not ends.any():
            return np.ones(len(rows), dtype=bool)
        if self.on_carry is not None:  # also of those that a puzzle's answer stops
            concerned = np.flatnonzero(np.isin(puzzles, puzzles[ends]))
            carry = copy_carry(concerned)
            self.left |= {int(rows[k]): carry.of([place]) for place, k in enumerate(concerned.tolist())}
        ended = np.flatnonzero(ends)
        verdicts = check_many(self.spec, self.questions[puzzles[ended]], answers[ended])
        for place, k in enumerate(ended.tolist()):
            finished = FinishedChain(
                chain=int(numbers[k]),
                steps=int(output.steps[k]),
                tokens=answers[k],
                halt_probability=float(output.halt_probability[k]),
                reason=cast(Reason, str(reasons[k])),
                verified=None if verdicts is None else bool(verdicts[place]),
            )
            self.finished_chains.setdefault(int(puzzles[k]), []).append(finished)
        decided = [i for i in np.unique(puzzles[ends]).tolist() if self._conclude(i)]
        goes_on: NDArray[np.bool_] = ~ends & ~np.isin(puzzles, decided)
        return goes_on

    def _list_rows(self, puzzles: NDArray[np.int64]) -> NDArray[np.int64]:
        return (puzzles[:, None] * self.effort.chains + np.arange(self.effort.chains)).ravel()

    def _join(self, carries: Sequence[Carry]) -> Carry:
        if [len(carry.steps) for carry in carries] != [self.effort.chains] * len(self.questions):
            raise CarryInvalid(
                f"The carries are not of {len(self.questions)} puzzles with {self.effort.chains} chains each. "
                "Continue with the rollouts and views that the solve began with."
            )
        return Carry.join(carries)

    def _find_reasons(self, output: ChainOutputs, puzzles: NDArray[np.int64], answers: Tokens) -> NDArray[np.str_]:
        """Why each chain stops now; empty where it continues."""
        effort = self.effort
        reasons = np.where(output.steps >= self.budget, "budget", "").astype("U8")
        if effort.stable_steps is not None:
            reasons[output.unchanged >= effort.stable_steps] = "stable"
        if effort.halt_threshold is not None:
            reasons[output.halt_probability >= effort.halt_threshold] = "halted"
        if effort.until_verified:
            verdicts = check_many(self.spec, self.questions[puzzles], answers)
            reasons[verdicts if verdicts is not None else []] = "verified"
        return reasons

    def _conclude(self, i: int) -> bool:
        """Give the puzzle's answer if it is time."""
        finished_chains, effort = self.finished_chains[i], self.effort
        verified = [e for e in finished_chains if e.reason == "verified"]
        by_itself = [e for e in finished_chains if e.reason != "budget"]
        if verified:
            self._give(i, verified[0], "verified")
        elif effort.choose == "first" and by_itself:
            self._give(i, max(by_itself, key=_rank_by_confidence), "first")
        elif len(finished_chains) < effort.chains:
            return False
        elif len(finished_chains) == 1:
            self._give(i, finished_chains[0], "only")
        elif effort.choose == "votes":
            favourite = max(finished_chains, key=lambda e: (_count_votes(finished_chains, e), e.halt_probability))
            self._give(i, favourite, "votes")
        else:
            self._give(i, max(finished_chains, key=_rank_by_confidence), "halt_probability")
        return True

    def _give(self, i: int, finished: FinishedChain, chosen_by: Choice) -> None:
        finished_chains, rows = self.finished_chains.pop(i), self._list_rows(np.array([i])).tolist()
        traces = [self.traces.pop(row, []) for row in rows] if self.keep_trace else None
        if self.on_carry is not None:
            self.on_carry(i, Carry.join([self.left.pop(row) for row in rows]))
        solution = Solution(
            spec=self.spec,
            question=self.questions[i],
            chosen_by=chosen_by,
            votes=_count_votes(finished_chains, finished),
            chains=len(finished_chains),
            total_steps=int(self.taken[i]),
            trace=None if traces is None else tuple(traces[finished.chain]),
            **vars(finished),
        )
        self.answered += 1
        self.on_solution(i, solution)
        if self.answered == len(self.questions) and self.on_end is not None:
            self.on_end()

    def _tell(self, rows: NDArray[np.int64], output: ChainOutputs, answers: Tokens, ends: NDArray[np.bool_]) -> None:
        puzzles, numbers = np.divmod(rows, self.effort.chains)
        previous = self._map(output.previous, numbers, self.inverses)
        verdicts = check_many(self.spec, self.questions[puzzles], answers)
        for k, row in enumerate(rows.tolist()):
            step = SolveStep(
                index=int(puzzles[k]),
                chain=int(numbers[k]),
                step=int(output.steps[k]),
                spec=self.spec,
                question=self.questions[puzzles[k]],
                tokens=answers[k],
                halt_probability=float(output.halt_probability[k]),
                changed_cells=tuple(np.flatnonzero(answers[k] != previous[k]).tolist()),
                verified=None if verdicts is None else bool(verdicts[k]),
                halted=bool(ends[k]),
            )
            if self.keep_trace:
                self.traces.setdefault(row, []).append(step)
            if self.on_step is not None:
                self.on_step(step)

    def _map(self, grids: Tokens, numbers: NDArray[np.int64], maps: list[Symmetry] | None) -> Tokens:
        """Grids `(K, L)` of chains of these numbers, under the map of each chain's view."""
        if maps is None:
            return grids
        out = grids.copy()
        for number, view in enumerate(maps):
            chosen = numbers // self.effort.rollouts == number
            out[chosen] = view.apply(grids[chosen])
        return out


def _rank_by_confidence(finished: FinishedChain) -> tuple[float, int]:
    return finished.halt_probability, -finished.chain


def _count_votes(finished_chains: list[FinishedChain], finished: FinishedChain) -> int:
    return sum(np.array_equal(finished.tokens, other.tokens) for other in finished_chains)
