"""Examines a model as it would be used: puzzles with known answers through an engine, counted as they are solved."""

from collections.abc import Callable

import numpy as np

from trm.errors import DatasetError
from trm.evaluation.tally import Given, Tally
from trm.interface.effort import Effort
from trm.interface.report import Report
from trm.interface.solution import Solution
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.scoring import find_answered
from trm.solving.solve_request import SolveRequest
from trm.solving.solver import Solver


class Examination:
    """One solve request about a set of puzzles; submit it to the solver's engine, and ask for the report once it has ended."""

    def __init__(
        self,
        solver: Solver,
        puzzles: PuzzleSet,
        effort: Effort,
        *,
        on_solution: Callable[[int, Solution], None] = lambda _index, _solution: None,
        on_end: Callable[[], None] | None = None,
        priority: int = 0,
    ) -> None:
        """Only puzzles with a known answer are asked; raises DatasetError when there are none, ConfigError for an impossible effort."""
        self.puzzles = puzzles.select(np.flatnonzero(find_answered(puzzles.answers)))
        if not len(self.puzzles):
            raise DatasetError("These puzzles have no answers to compare with. Evaluate with some that have.")
        self.found: dict[int, Solution] = {}
        self._tell = on_solution
        self.tally = Tally(self.puzzles, effort.chains, effort.max_steps or solver.config.model.max_supervision_steps)
        self.solve_request = SolveRequest(
            self.puzzles.questions,
            effort,
            self.puzzles.spec,
            solver.config.model,
            on_solution=self._take,
            on_output=self.tally.note,
            on_end=on_end,
            puzzle_ids=self.puzzles.puzzle_ids,
            priority=priority,
        )

    def report(self) -> Report:
        """What was found, once every puzzle is answered."""
        return self.tally.report(Given.of([self.found[index] for index in range(len(self.puzzles))]))

    def _take(self, index: int, solution: Solution) -> None:
        self.found[index] = solution
        self._tell(index, solution)


def examine(solver: Solver, puzzles: PuzzleSet, effort: Effort = Effort()) -> Report:  # noqa: B008  immutable
    """How good a solver is on puzzles with known answers; every chain takes its whole budget unless the effort says otherwise."""
    examination = Examination(solver, puzzles, effort)
    solver.engine.submit(examination.solve_request)
    solver.engine.run()
    return examination.report()
