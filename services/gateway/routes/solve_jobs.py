"""Solve jobs: puzzles, checked on submission, and the model to solve them with."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Header, Response
from starlette.concurrency import run_in_threadpool

from services.gateway.backends import Backends, Parts
from services.gateway.intake import admission
from services.gateway.intake.idempotency import REPLAYED, Idempotency, respond, submit_once
from services.gateway.openapi import JSON_BODY, KEYS, refusals
from services.gateway.problems.errors import (
    ModelNotReady,
    at_fault,
)
from services.gateway.schemas.job import Job
from services.gateway.schemas.solve_job import SolveJobRequest
from services.gateway.views import job_view
from services.gateway.views.answers import answer
from services.gateway.views.polling import parse_wait, wait_until_finished
from services.registry.errors import DatabaseUnavailable, QueueFull
from services.registry.jobs import jobs
from services.registry.states import JobKind
from services.registry.submissions.submissions import Submission
from trm.errors import (
    ConfigError,
    ContradictoryGivens,
    MultipleSolutions,
    PuzzleError,
    PuzzleTooHard,
    StorageFull,
    UnknownModel,
    UnknownSymbol,
    UnsolvablePuzzle,
    WrongGridSize,
)

router = APIRouter(prefix="/v1/solve-jobs", tags=["solving"])

REFUSALS = refusals(
    *JSON_BODY,
    ConfigError,
    UnknownModel,
    ModelNotReady,
    PuzzleError,
    WrongGridSize,
    UnknownSymbol,
    ContradictoryGivens,
    UnsolvablePuzzle,
    MultipleSolutions,
    PuzzleTooHard,
    *KEYS,
    QueueFull,
    DatabaseUnavailable,
    StorageFull,
)
FINISHED_IN_TIME = {"description": "Finished within the time that `Prefer: wait=N` allowed.", "model": Job}
Prefer = Annotated[str | None, Header(description="`wait=N`: answer with the finished job if that takes at most N s.")]


@router.post(
    "", status_code=202, response_model=Job, summary="Solve puzzles", responses={200: FINISHED_IN_TIME, **REFUSALS}
)
async def create_solve_job(
    request: SolveJobRequest, parts: Parts, context: Idempotency, prefer: Prefer = None
) -> Response:
    """Check every puzzle against the model's size, symbols and rules, and queue them as one job; all puzzles of a job have one size.

    Every puzzle is solved in `rollouts` times `views` chains. A chain stops at `halt_threshold`, at `stable_steps`, with
    `until_verified` once any chain's answer obeys the rules, and otherwise after `max_steps`; `choose` says whose answer is given.
    """
    key = context.key(request.model_dump_json())
    first = await submit_once(parts.database, parts.intake, key, lambda: _submission(request, parts))
    seconds = parse_wait(prefer, parts.settings.max_wait_seconds)
    if seconds and await wait_until_finished(
        parts.database, parts.access, parts.stopping, parts.recheck(), first.subject, seconds
    ):
        job = await run_in_threadpool(job_view.read, parts.database, parts.access, first.subject)
        applied = {"Preference-Applied": f"wait={seconds}"}
        kept = {name: value for name, value in first.headers.items() if name in REPLAYED}
        finished = answer(job, 200)
        return respond(replace(finished, headers={**finished.headers, **applied, **kept}))
    return respond(first)


def _submission(request: SolveJobRequest, parts: Backends) -> Submission:
    with at_fault("model"):
        model = parts.find_model(request.model)
    puzzles, spec = admission.admit(request, model.config, parts.settings.max_puzzles_per_job)
    resized = {} if spec == model.config.puzzle else {"puzzle": spec.model_dump(mode="json")}
    effort = request.effort.model_dump(exclude_defaults=True)
    return Submission(
        jobs.new_row(
            JobKind.SOLVE,
            {"model": model.name, "puzzles": puzzles, "effort": effort, "trace": request.trace, **resized},
            model_id=model.checkpoint_id,
            pretrained=model.pretrained,
            total_steps=len(puzzles),
            max_attempts=parts.settings.max_attempts,
            job_limits=request.job_limits,
            requires=request.requirements(),
            labels=request.labels,
            owner=parts.caller.owner,
        )
    )
