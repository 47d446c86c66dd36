"""`trm solve`: one puzzle, readable, step by step if asked."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trm.puzzles.grids import parse
from trm.puzzles.render import render
from trm.puzzles.rules import require_consistent


def solve(
    checkpoint: Annotated[Path, typer.Option(help="A checkpoint folder.")],
    puzzle: Annotated[str, typer.Argument(help="The puzzle's cells as one string, or - to read it from stdin.")],
    max_steps: Annotated[
        int | None, typer.Option(min=1, help="Supervision steps; the model's own maximum unless given.")
    ] = None,
    halt_threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Stop at this halt probability.")] = 0.5,
    steps: Annotated[bool, typer.Option("--steps", help="Show the answer after every supervision step.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Solve a puzzle; exits 2 when the rules do not verify the answer."""
    from trm.solver import Solver, SolveStep

    solver, console = Solver.load(checkpoint, device), Console(highlight=False)
    question = parse(solver.spec, sys.stdin.read() if puzzle == "-" else puzzle)
    require_consistent(solver.spec, question)
    previous = question

    def show(step: SolveStep) -> None:
        nonlocal previous
        console.print(
            f"step {step.step}: halt probability {step.halt_probability:.3f}, {len(step.changed_cells)} cells changed"
        )
        console.print(render(solver.spec, step.answer, givens=question, previous=previous))
        previous = step.answer

    [solution] = solver.solve(
        question[None], max_steps=max_steps, halt_threshold=halt_threshold, on_step=show if steps else None
    )
    if not steps:
        console.print(render(solver.spec, solution.answer, givens=question))
    verdict = {
        True: "[green]verified by the rules[/]",
        False: "[red]breaks the rules[/]",
        None: "no rules to verify it by",
    }
    console.print(
        f"{verdict[solution.verified]}; halt probability {solution.halt_probability:.3f} after {solution.steps} steps"
    )
    if solution.verified is False:
        raise typer.Exit(2)
