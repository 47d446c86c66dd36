"""What a solve job has answered, for people."""

from typing import TYPE_CHECKING

from trm.cli.board import describe
from trm.cli.service.printing import console
from trm.cli.service.session import Session
from trm.cli.service.shapes import shape_of
from trm.cli.service.solving import to_solution
from trm.puzzles.drawing.render import render

if TYPE_CHECKING:
    from trm.client.api import Job, Solution, SolveResult
    from trm.puzzles.spec import PuzzleSpec

DRAWN = 3  # boards; more puzzles are a line each


def show_solutions(session: Session, job: "Job", result: "SolveResult") -> None:
    """Draw the boards of a few puzzles, and print a line for each of many."""
    shown = result.solutions or []
    spec = shape_of(session.client, job.model or "", shown[0].question) if result.n <= DRAWN and shown else None
    for solution in shown:
        _show_solution(solution, spec)
    if result.n > 1:
        verified = "" if result.verified is None else f", {result.verified:,} verified by the rules"
        console().print(f"{result.n:,} puzzles answered in {result.seconds:.1f} s{verified}")
    if result.n > len(shown):
        console().print(f"The first {len(shown):,} are shown; GET {job.links['solutions']} lists all")


def _show_solution(found: "Solution", spec: "PuzzleSpec | None") -> None:
    out = console()
    if spec is None:
        out.print(f"{found.index + 1:>5}  {found.answer}", soft_wrap=True)
        return
    solution = to_solution(found, spec)
    out.print(render(spec, solution.tokens, givens=solution.question))
    out.print(describe(solution), soft_wrap=True)
