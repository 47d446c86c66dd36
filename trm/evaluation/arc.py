"""How good a model is on ARC: every held-out task in many variants, their answers turned back and voted on."""

from collections.abc import Iterator

import numpy as np

from trm.errors import ForeignCheckpoint
from trm.interface.effort import Effort
from trm.puzzles.arc.rows import EvaluationRows
from trm.puzzles.arc.sets import ArcSets
from trm.puzzles.arc.votes import Ballot
from trm.solving.solver import Solver

BATCH = 64  # rows of 916 tokens


def require_identifiers(solver: Solver, sets: ArcSets) -> None:
    """Raise ForeignCheckpoint when the model's puzzle ids cannot be those of these sets: its answers would be silently wrong."""
    has, needs = solver.config.model.puzzle_ids, sets.identifiers
    if solver.spec.kind != "arc" or has != needs:
        raise ForeignCheckpoint(
            f"The model knows {has:,} puzzle ids of kind {solver.spec.kind!r}, {sets.name} with {sets.variants} variants has "
            f"{needs:,}. Evaluate with the data set and the number of variants that it was trained with."
        )


def cast_votes(solver: Solver, source: str, rows: EvaluationRows, ballot: Ballot, effort: Effort) -> Iterator[int]:
    """Let the model `source` answer all rows; yields how many are done after each batch."""
    for start in range(0, len(rows), BATCH):
        part = rows.puzzles(start, start + BATCH)
        found = solver.solve_tokens(part.questions, effort, puzzle_ids=part.puzzle_ids)
        answers = np.stack([solution.tokens for solution in found])
        ballot.cast_rows(source, rows, answers, np.array([s.halt_probability for s in found]), start)
        yield start + len(found)
