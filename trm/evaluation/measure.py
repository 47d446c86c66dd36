"""Measures a model: accuracy by supervision step, whether its halt probability can be trusted, and what thinking harder brings."""

import time

import numpy as np

from trm.errors import DatasetError
from trm.evaluation.accuracy import Counted, record
from trm.interface.effort import HALTING, Effort, usual_effort
from trm.interface.measured import Bin, Count, EffortResult, Measured
from trm.network.device import name_of
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.rules import check_many
from trm.puzzles.scoring import PADDING, find_answered, right_cells
from trm.solving.solver import Solver

HARDER = Effort(max_steps=64, views=8, until_verified=True)
HARDER_PUZZLES = 500  # at most: eight chains of each, or hundreds of steps


def measure(solver: Solver, puzzles: PuzzleSet, *, dataset: str, split: str) -> Measured:
    """Everything that a model card reports, on those of these puzzles whose answers are known; raises DatasetError when there are none."""
    puzzles = puzzles.select(np.flatnonzero(find_answered(puzzles.answers)))
    if not len(puzzles):
        raise DatasetError(f"The {split} split of {dataset} has no answers to compare with. Give one that has.")
    begun, count = time.monotonic(), len(puzzles)
    counted = Counted(puzzles, solver.config.model.max_supervision_steps)
    seen = record(solver.model, puzzles, dtype=solver.dtype, batch_size=solver.engine.capacity, on_output=counted.note)
    seconds = round(time.monotonic() - begun, 3)
    verdicts = check_many(puzzles.spec, puzzles.questions, seen.answers)
    found = counted.tally.reliability.calibration()
    usual = usual_effort(puzzles.spec, solver.config.model)
    harder = usual if usual.until_verified else HARDER  # restarts where every start differs, else several views at once
    return Measured(
        dataset=dataset,
        split=split,
        device=solver.model.embedding.device.type,
        precision=name_of(solver.dtype),
        exact=Count(right=int(seen.right[-1].sum()), n=count),
        cell_accuracy=float((seen.answers == puzzles.answers)[puzzles.answers != PADDING].mean()),
        verified=None if verdicts is None else int(verdicts.sum()),
        step_exact=tuple(int(right.sum()) for right in seen.right),
        calibration=tuple(Bin(**{**dict(b), "right": b.right.value}) for b in found.bins),
        calibration_error=found.error.value,
        halting=thinking(solver, puzzles, HALTING),
        harder=None if verdicts is None else thinking(solver, puzzles.take(HARDER_PUZZLES), harder),
        seconds=seconds,
    )


def thinking(solver: Solver, puzzles: PuzzleSet, effort: Effort) -> EffortResult:
    """What thinking this hard about every puzzle achieves, and its cost."""
    begun = time.monotonic()
    found = solver.solve_tokens(puzzles.questions, effort, puzzle_ids=puzzles.puzzle_ids)
    verdicts = [solution.verified for solution in found if solution.verified is not None]
    right = right_cells(np.stack([solution.tokens for solution in found]), puzzles.answers).all(1)
    return EffortResult(
        effort=effort.model_dump(exclude_defaults=True),
        exact=Count(right=int(right.sum()), n=len(found)),
        verified=sum(verdicts) if verdicts else None,
        mean_supervision_steps=sum(solution.steps for solution in found) / len(found),
        mean_total_steps=sum(solution.total_steps for solution in found) / len(found),
        seconds=round(time.monotonic() - begun, 3),
    )
