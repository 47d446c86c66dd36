"""Puzzles that a service solves: their steps as they happen, their answers as those that are found here."""

from typing import TYPE_CHECKING

from rich.console import Console

from trm.cli.board import Board, Drawing, describe
from trm.cli.service.address import Given
from trm.cli.service.following import advised, detachable, follow
from trm.cli.service.printing import console
from trm.cli.service.session import Session, open_session
from trm.config.run import RunConfig
from trm.interface.effort import Effort, usual_effort
from trm.interface.pretrained import names, pretrained, suitable_for
from trm.interface.solution import Solution, SolveStep
from trm.puzzles.drawing.render import render
from trm.puzzles.grids import parse
from trm.puzzles.rules import require_consistent
from trm.puzzles.spec import PuzzleSpec

if TYPE_CHECKING:
    from trm.client import Client, api

DRAWN = 3  # boards; more puzzles are a line each
# fields that an answer has by the same names here and in the API
ALIKE = ("verified", "halt_probability", "reason", "chosen_by", "chain", "votes", "chains")


def solve_remotely(
    given: Given, cells: str, model: str | None, effort: Effort | None, drawing: Drawing | None, out: Console
) -> Solution:
    """The answer of a service to a puzzle; each supervision step is drawn as it happens where a drawing is asked for."""
    model = model or suitable_for(cells).name
    with open_session(given, as_json=False) as session:
        config = config_of(session.client, model)
        spec = config.shape_of(cells)
        question = parse(spec, cells)
        require_consistent(spec, question)
        asked = (effort or usual_effort(spec, config.model)).model_dump(exclude_defaults=True)
        job = session.client.solve(**asked, model=model, puzzle=cells, trace=drawing is not None)
        if drawing is None:
            job = follow(session, job)
        else:
            with Board(spec, question, drawing, out) as board:
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


def config_of(client: "Client", model: str) -> RunConfig:
    """How a model was trained: one that ships, a promoted name, a checkpoint or a run; raises ApiError for one that is not there."""
    if model in names():
        return pretrained(model).config
    if not model.startswith(("run_", "ckpt_")):
        model = client.models.get(model).checkpoint_id  # type: ignore[union-attr]  # the shipped ones were known by their names
    run = client.checkpoints.get(model).run_id if model.startswith("ckpt_") else model
    return RunConfig.model_validate(client.runs.get(run).config.to_dict())


def to_solution(found: "api.Solution", spec: PuzzleSpec) -> Solution:
    """A solution of the HTTP API as one that was found here."""
    return Solution(
        spec=spec,
        question=parse(spec, found.question),
        tokens=parse(spec, found.answer, padding=True),
        steps=found.supervision_steps,
        total_steps=found.total_supervision_steps,
        trace=None,
        **{name: getattr(found, name) for name in ALIKE},
    )


def show_solutions(session: Session, job: "api.Job", result: "api.SolveResult") -> None:
    """Draw the boards of a few puzzles, and print a line for each of many."""
    shown = result.solutions or []
    drawn = result.n <= DRAWN and shown
    spec = config_of(session.client, job.model or "").shape_of(shown[0].question) if drawn else None
    for solution in shown:
        _show_solution(solution, spec)
    if result.n > 1:
        verified = "" if result.verified is None else f", {result.verified:,} verified by the rules"
        console().print(f"{result.n:,} puzzles answered in {result.seconds:.1f} s{verified}")
    if result.n > len(shown):
        console().print(f"The first {len(shown):,} are shown; GET {job.links['solutions']} lists all")


def _show_solution(found: "api.Solution", spec: PuzzleSpec | None) -> None:
    out = console()
    if spec is None:
        out.print(f"{found.index + 1:>5}  {found.answer}", soft_wrap=True)
        return
    solution = to_solution(found, spec)
    out.print(render(spec, solution.tokens, givens=solution.question))
    out.print(describe(solution), soft_wrap=True)
