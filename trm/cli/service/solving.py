"""A puzzle that a service solves: its steps as they happen, its answer as one that was found here."""

from typing import TYPE_CHECKING

from rich.console import Console

from trm.cli.board import Board, Drawing
from trm.cli.service.address import Given
from trm.cli.service.following import advised, detachable, follow
from trm.cli.service.session import Session, open_session
from trm.cli.service.shapes import config_of
from trm.interface.effort import Effort, usual_effort
from trm.interface.pretrained import suitable_for
from trm.interface.solution import Solution, SolveStep
from trm.puzzles.grids import parse, resize
from trm.puzzles.rules import require_consistent
from trm.puzzles.spec import PuzzleSpec

if TYPE_CHECKING:
    from trm.client import api


def solve_remotely(
    given: Given, cells: str, model: str | None, effort: Effort | None, drawing: Drawing | None, console: Console
) -> Solution:
    """The answer of a service to a puzzle; each supervision step is drawn as it happens where a drawing is asked for."""
    model = model or suitable_for(cells).name
    with open_session(given, as_json=False) as session:
        config = config_of(session.client, model)
        spec = resize(config.puzzle, cells) if config.model.any_size else config.puzzle
        question = parse(spec, cells)
        require_consistent(spec, question)
        asked = (effort or usual_effort(spec, config.model)).model_dump(exclude_defaults=True)
        job = session.client.solve(**asked, model=model, puzzle=cells, trace=drawing is not None)
        if drawing is None:
            job = follow(session, job)
        else:
            with Board(spec, question, drawing, console) as board:
                job = _watch(session, job, board)
        [found] = session.client.jobs.solutions(job)
    return to_solution(found, spec)


def _watch(session: Session, job: "api.Job", board: Board) -> "api.Job":
    with detachable(session, job), advised(session), session.patient() as patient:
        for event in patient.client.jobs.events(job):
            if event.type == "step":
                board.show(_to_step(event.data, board))
        return patient.client.jobs.wait(job)


def _to_step(data: "api.StepData", board: Board) -> SolveStep:
    names = ("chain", "step", "halt_probability", "verified", "halted")
    return SolveStep(
        spec=board.spec,
        question=board.question,
        tokens=parse(board.spec, data.answer, padding=True),
        index=data.puzzle,
        changed_cells=tuple(data.changed_cells),
        **{name: getattr(data, name) for name in names},
    )


def to_solution(found: "api.Solution", spec: PuzzleSpec) -> Solution:
    """A solution of the HTTP API as one that was found here."""
    return Solution(
        spec=spec,
        question=parse(spec, found.question),
        tokens=parse(spec, found.answer, padding=True),
        verified=found.verified,
        halt_probability=found.halt_probability,
        steps=found.supervision_steps,
        reason=found.reason,
        chosen_by=found.chosen_by,
        chain=found.chain,
        votes=found.votes,
        chains=found.chains,
        total_steps=found.total_supervision_steps,
        trace=None,
    )
