"""Solve jobs: puzzles, checked at the door, and the model to solve them with."""

from typing import Annotated

from fastapi import APIRouter, Header, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from services.gateway import admission, job_view, submission
from services.gateway.backends import Backends, Parts
from services.gateway.errors import ModelNotReady, ModelUnknown
from services.gateway.openapi import refusals
from services.gateway.polling import finished_within, poll_headers, wanted_seconds
from services.gateway.schemas.job import Job
from services.gateway.schemas.solve_job import SolveJobRequest
from services.registry import checkpoints, jobs, runs, tables
from services.registry.errors import CheckpointNotFound, RunNotFound
from services.registry.states import JobKind
from trm.config import RunConfig

router = APIRouter(prefix="/v1/solve-jobs", tags=["solving"])

REFUSALS = refusals(
    "body_malformed",
    "body_too_large",
    "media_type_unsupported",
    "request_invalid",
    "config_invalid",
    "model_unknown",
    "model_not_ready",
    "puzzle_wrong_size",
    "puzzle_unknown_symbol",
    "puzzle_contradictory",
    "puzzle_unsolvable",
    "puzzle_multiple_solutions",
    "puzzle_too_hard",
    "broker_unavailable",
    "database_unavailable",
    "storage_full",
)
FINISHED_IN_TIME = {"description": "Finished within the time that `Prefer: wait=N` allowed.", "model": Job}
Prefer = Annotated[str | None, Header(description="`wait=N`: answer with the finished job if that takes at most N s.")]


@router.post(
    "",
    status_code=202,
    operation_id="createSolveJob",
    summary="Solve puzzles",
    responses={200: FINISHED_IN_TIME, **REFUSALS},
)
async def create_solve_job(request: SolveJobRequest, response: Response, parts: Parts, prefer: Prefer = None) -> Job:
    """Check every puzzle against the model's size, symbols and rules, and queue them as one job.

    Every puzzle is thought about in `rollouts` times `views` chains. A chain stops at `halt_threshold`, at `stable_steps`, with
    `until_verified` once any chain's answer obeys the rules, and otherwise after `max_steps`; `choose` says whose answer is given.
    """
    job = await run_in_threadpool(_submit, request, parts)
    seconds = wanted_seconds(prefer, parts.settings.max_wait_seconds)
    if seconds and await finished_within(parts, job.id, seconds):
        job = await run_in_threadpool(job_view.read, parts, job.id)
        response.status_code = 200
        response.headers["Preference-Applied"] = f"wait={seconds}"
    response.headers.update(poll_headers(job))
    return job


def _submit(request: SolveJobRequest, parts: Backends) -> Job:
    model, config = _find_model(parts, request.model)
    puzzles = admission.admit(request, config, parts.settings.max_puzzles_per_job)
    body = {
        "model": model.id,
        "puzzles": puzzles,
        "effort": request.effort.model_dump(exclude_defaults=True),
        "trace": request.trace,
    }

    def insert(session: Session) -> tables.Job:
        return jobs.submit(
            session,
            JobKind.SOLVE,
            body,
            model_id=model.id,
            total_steps=len(puzzles),
            max_attempts=parts.settings.max_attempts,
        )

    return Job.of(submission.submit(parts, JobKind.SOLVE, insert), attempts=())


def _find_model(parts: Backends, name: str) -> tuple[tables.Checkpoint, RunConfig]:
    """The checkpoint of this id, or the newest of the run of this id, and what it was trained with."""
    with parts.database.transaction() as session:
        try:
            if name.startswith("run_"):
                runs.get(session, name)
                checkpoint = _newest(session, name)
            else:
                checkpoint = checkpoints.get(session, name)
        except (RunNotFound, CheckpointNotFound) as error:
            raise ModelUnknown(f"{error} List them with GET /v1/runs or GET /v1/checkpoints.") from error
        return checkpoint, RunConfig.model_validate(runs.get(session, checkpoint.run_id).config)


def _newest(session: Session, run_id: str) -> tables.Checkpoint:
    try:
        return checkpoints.newest(session, run_id)
    except CheckpointNotFound as error:
        raise ModelNotReady(str(error)) from error
