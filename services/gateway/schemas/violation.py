"""What is wrong with an answer, cell by cell."""

from pydantic import Field

from services.gateway.schemas.base import Response
from services.registry.db import tables
from trm.puzzles import grids, violations
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.violations import Rule


class Violation(Response):
    """A rule, and the cells that break it together."""

    rule: Rule = Field(
        description="`given`: cells of the question were changed; `blank`: cells were left empty; `row`, `column`, `box`, `region`: a "
        "symbol stands there more than once; `path`: what is drawn is not a shortest path."
    )
    cells: list[int] = Field(description="Counted from 0, row by row.")
    detail: str


def violations_of(row: tables.Solution, spec: PuzzleSpec | None) -> list[Violation] | None:
    """Violations in a stored answer; None for puzzles without rules and once the model has been removed."""
    if row.verified is not False:
        return None if row.verified is None else []
    if spec is None:
        return None
    question, answer = grids.parse(spec, row.question), grids.parse(spec, row.answer, padding=True)
    return [
        Violation(rule=found.rule, cells=list(found.cells), detail=found.sentence)
        for found in violations.violations(spec, question, answer)
    ]
