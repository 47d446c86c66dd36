"""Solve jobs: puzzles, checked on submission, and the model to solve them with."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from starlette.concurrency import run_in_threadpool

from services.gateway.backends import Backends, Parts
from services.gateway.intake import admission, continuation
from services.gateway.intake.idempotency import REPLAYED, Idempotency, respond, submit_once
from services.gateway.lookups.model_lookup import Model, find_model
from services.gateway.openapi import JSON_BODY, MODEL, QUEUED, refusals
from services.gateway.problems.errors import ModelChanged, at_fault
from services.gateway.schemas.job import Job
from services.gateway.schemas.solve_job import ContinueRequest, SolveJobRequest
from services.gateway.views import job_view
from services.gateway.views.answers import answer
from services.gateway.views.polling import parse_wait, wait_until_finished
from services.registry.errors import CarryExpired, JobNotContinuable, JobNotFound
from services.registry.states import JobKind
from services.registry.submissions.idempotency import Key
from services.registry.submissions.submissions import Submission
from trm.errors import (
    ConfigError,
    ContradictoryGivens,
    MultipleSolutions,
    PuzzleError,
    PuzzleTooHard,
    UnknownSymbol,
    UnsolvablePuzzle,
    WrongGridSize,
)
from trm.interface.effort import Effort

router = APIRouter(prefix="/v1/solve-jobs", tags=["solving"])

PUZZLES = (PuzzleError, WrongGridSize, UnknownSymbol, ContradictoryGivens, UnsolvablePuzzle, MultipleSolutions)
REFUSALS = refusals(*JSON_BODY, ConfigError, *MODEL, *PUZZLES, PuzzleTooHard, *QUEUED)
CONTINUE_REFUSALS = refusals(
    *JSON_BODY, ConfigError, JobNotFound, JobNotContinuable, CarryExpired, ModelChanged, *QUEUED
)
FINISHED_IN_TIME = {"description": "Finished within the time that `Prefer: wait=N` allowed.", "model": Job}
AS_BEFORE = ContinueRequest()  # as many steps more
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
    return await _submit(parts, key, prefer, lambda: _make_submission(request, parts))


@router.post(
    "/{job_id}/continue",
    status_code=202,
    response_model=Job,
    summary="Continue a finished solve job",
    responses={200: FINISHED_IN_TIME, **CONTINUE_REFUSALS},
)
async def continue_solve_job(
    job_id: str, parts: Parts, context: Idempotency, request: ContinueRequest = AS_BEFORE, prefer: Prefer = None
) -> Response:
    """Queue a job whose chains continue from where those of the finished job stopped, under other stopping rules.

    The answers are those of one job with all the steps. The model, the puzzles, and what makes the chains (`rollouts`, `views`,
    `noise`, `seed`, restarts and guesses) are the finished job's. A chain that the new rules stop where it is makes no step.
    """
    key = context.key(request.model_dump_json())
    return await _submit(parts, key, prefer, lambda: _make_continuation(job_id, request, parts))


async def _submit(parts: Backends, key: Key | None, prefer: str | None, make: Callable[[], Submission]) -> Response:
    first = await submit_once(parts.database, parts.intake, key, make)
    seconds = parse_wait(prefer, parts.settings.max_wait_seconds)
    if seconds and await wait_until_finished(parts.records, parts.stopping, parts.recheck(), first.subject, seconds):
        job = await run_in_threadpool(parts.records.ask, job_view.read, first.subject)
        applied = {"Preference-Applied": f"wait={seconds}"}
        kept = {name: value for name, value in first.headers.items() if name in REPLAYED}
        finished = answer(job, 200)
        return respond(replace(finished, headers={**finished.headers, **applied, **kept}))
    return respond(first)


def _make_submission(request: SolveJobRequest, parts: Backends) -> Submission:
    with at_fault("model"):
        model = find_model(parts.records, request.model)
    puzzles, spec = admission.admit(request, model.config, parts.settings.max_puzzles_per_job)
    resized = {} if spec == model.config.puzzle else {"puzzle": spec.model_dump(mode="json")}
    return _assemble(parts, request, model, {"puzzles": puzzles, **resized}, request.effort)


def _make_continuation(job_id: str, request: ContinueRequest, parts: Backends) -> Submission:
    earlier = continuation.find(parts.records, job_id)
    effort = continuation.require_further(earlier, request)
    return _assemble(parts, request, earlier.model, earlier.asked, effort, continues=job_id)


def _assemble(
    parts: Backends,
    request: SolveJobRequest | ContinueRequest,
    model: Model,
    asked: dict[str, Any],
    effort: Effort,
    continues: str | None = None,
) -> Submission:
    kept: dict[str, Any] = {"trace": request.trace}
    if request.keep_carry:
        continuation.require_room(parts.settings.max_carry_bytes, model, asked, effort)
        kept |= {"keep_carry": True, "weights": model.digest}
    return Submission(
        request.new_row(
            JobKind.SOLVE,
            {"model": model.name, "effort": effort.model_dump(exclude_defaults=True), **kept, **asked},
            model_id=model.checkpoint_id,
            pretrained=model.pretrained,
            continues=continues,
            total_steps=len(asked["puzzles"]),
            max_attempts=parts.settings.max_attempts,
            owner=parts.caller.owner,
        )
    )
