"""Jobs of both kinds: look at one, list, cancel, pause, resume, retry, follow."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.sse import EventSourceResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from services.gateway.backends import Backends, Parts
from services.gateway.intake.idempotency import Idempotency, IdempotencyContext, act_once, respond
from services.gateway.openapi import Responses, refusals
from services.gateway.schemas.event import JobEvents
from services.gateway.schemas.job import Job
from services.gateway.schemas.solution import Solution
from services.gateway.views import job_view
from services.gateway.views.answers import answer, poll_headers, retry_after
from services.gateway.views.pagination import Cursor, Limit, Page
from services.gateway.views.polling import entity_tag, is_known
from services.gateway.views.puzzle_shape import puzzle_of
from services.gateway.views.streaming import read_events, stream_events
from services.registry.access.scopes import Scope
from services.registry.db import tables
from services.registry.jobs import jobs, solutions
from services.registry.states import JobKind, JobStatus
from trm.puzzles.drawing.picture import side_by_side, svg
from trm.puzzles.grids import parse

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

NOT_MODIFIED: Responses = {304: {"description": "The job is still as If-None-Match says."}}
AGAIN = refusals(
    "request_invalid",
    "job_not_found",
    "job_move_refused",
    "idempotency_key_reused",
    "idempotency_key_in_use",
    "database_unavailable",
)
STREAM: Responses = {
    200: {
        "description": "Server-sent events: `id` is the event's number, `event` its type, `data` its JSON. "
        "The stream ends after `done`. With `Accept: application/json`, the events so far as a list.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        "model": JobEvents,
    },
    204: {"description": "The job has ended and all its events are known: nothing to reconnect for."},
}
PICTURE: Responses = {
    200: {"description": "An SVG picture.", "content": {"image/svg+xml": {"schema": {"type": "string"}}}}
}
IfNoneMatch = Annotated[str | None, Header(description="The ETag of a version that you have.")]
LastEventId = Annotated[
    str | None, Header(description="Number of the last event that you have.", pattern=r"^(\d{1,18})?$")
]
After = Annotated[int | None, Query(ge=0, lt=2**63, description="Like Last-Event-ID, which comes first.")]
Accept = Annotated[str, Header(include_in_schema=False)]


@router.get(
    "",
    operation_id="listJobs",
    summary="List jobs, newest first",
    responses=refusals("request_invalid", "cursor_invalid", "database_unavailable"),
)
def list_jobs(
    parts: Parts, cursor: Cursor = None, limit: Limit = 20, status: JobStatus | None = None, kind: JobKind | None = None
) -> Page[Job]:
    """A page of jobs, all or of one status or kind."""
    with parts.database.transaction() as session:
        page = jobs.page(session, status=status, kind=kind, cursor=cursor, limit=limit)
    return Page.of(page, Job.of)


@router.get(
    "/{job_id}",
    operation_id="getJob",
    summary="One job, with its attempts and result",
    response_model=Job,
    responses={**NOT_MODIFIED, **refusals("job_not_found", "database_unavailable")},
)
def get_job(job_id: str, response: Response, parts: Parts, if_none_match: IfNoneMatch = None) -> Job | Response:
    """How the job stands. Poll with If-None-Match: an unchanged job answers 304, without a body."""
    row = job_view.find(parts.database, job_id)
    tag = {"ETag": entity_tag(row.id, row.version), "Cache-Control": "no-cache"}
    if is_known(tag["ETag"], if_none_match):
        return Response(status_code=304, headers=tag)
    job = job_view.show(parts.database, row)
    response.headers.update(tag if job.status.is_final else tag | retry_after(job))
    return job


@router.post(
    "/{job_id}/cancel",
    status_code=202,
    operation_id="cancelJob",
    summary="Cancel a job",
    responses=refusals("job_not_found", "job_already_finished", "database_unavailable"),
)
def cancel_job(job_id: str, response: Response, parts: Parts) -> Job:
    """A queued job is cancelled at once; a running one as soon as its worker has stopped it. Repeating the request has no effect."""
    return _request_move(parts, response, lambda session: jobs.request_cancel(session, job_id))


@router.post(
    "/{job_id}/pause",
    status_code=202,
    operation_id="pauseJob",
    summary="Pause a job",
    responses=refusals("job_not_found", "job_already_finished", "job_move_refused", "database_unavailable"),
)
def pause_job(job_id: str, response: Response, parts: Parts) -> Job:
    """A queued job is set aside at once; a running training saves a checkpoint first, and a solve job will start over.

    Repeating the request has no effect. A paused job waits until it is resumed, however long that is.
    """
    return _request_move(parts, response, lambda session: jobs.request_pause(session, job_id))


@router.post(
    "/{job_id}/resume",
    status_code=202,
    response_model=Job,
    operation_id="resumeJob",
    summary="Resume a paused job",
    responses=AGAIN,
)
def resume_job(job_id: str, parts: Parts, context: Idempotency) -> Response:
    """Queue it again; a training continues from its last checkpoint. A pause that was only asked for is withdrawn."""
    return _again(parts, job_id, context, lambda session: jobs.resume(session, job_id))


@router.post(
    "/{job_id}/retry",
    status_code=202,
    response_model=Job,
    operation_id="retryJob",
    summary="Retry a failed or cancelled job",
    responses=AGAIN,
)
def retry_job(job_id: str, parts: Parts, context: Idempotency) -> Response:
    """The same job is queued again, with fresh attempts and all its time; a training continues from its last intact checkpoint."""
    attempts = parts.settings.max_attempts
    return _again(parts, job_id, context, lambda session: jobs.retry(session, job_id, attempts))


def _request_move(parts: Backends, response: Response, move: Callable[[Session], tables.Job]) -> Job:
    """The job after a move that does no harm twice."""
    with parts.database.transaction() as session:
        job = _move_job(parts, session, move)
    response.headers.update(poll_headers(job))
    return job


def _again(
    parts: Backends, job_id: str, context: IdempotencyContext, move: Callable[[Session], tables.Job]
) -> Response:
    answered = act_once(
        parts.database, context.key(), job_id, lambda session: answer(_move_job(parts, session, move), 202)
    )
    parts.announcer.tell(job_view.find(parts.database, job_id))
    return respond(answered)


def _move_job(parts: Backends, session: Session, move: Callable[[Session], tables.Job]) -> Job:
    row = move(session)
    parts.caller.require(Scope(row.kind.value))  # raised now, it takes the move back
    return job_view.within(session, row)


@router.get(
    "/{job_id}/solutions",
    operation_id="listSolutions",
    summary="The answers of a solve job, puzzle by puzzle",
    responses=refusals("request_invalid", "cursor_invalid", "job_not_found", "database_unavailable"),
)
def list_solutions(job_id: str, parts: Parts, cursor: Cursor = None, limit: Limit = 100) -> Page[Solution]:
    """A page of answers in the order of the puzzles; those of an unfinished job as far as they are known."""
    with parts.database.transaction() as session:
        job = jobs.get(session, job_id)
        page = solutions.page(session, job_id, cursor=cursor, limit=limit)
        spec = job_view.spec_for(session, job, page.items)
    return Page.of(page, lambda row: Solution.of(row, spec))


@router.get(
    "/{job_id}/solutions/{index}/picture",
    operation_id="getSolutionPicture",
    summary="A picture of one answer",
    response_class=Response,
    responses={**PICTURE, **refusals("request_invalid", "job_not_found", "solution_not_found", "database_unavailable")},
)
def get_solution_picture(job_id: str, index: Annotated[int, Path(ge=0, lt=2**31)], parts: Parts) -> Response:
    """Question and answer side by side as SVG: what the model filled in, and where rules are broken in red."""
    with parts.database.transaction() as session:
        job, solution = jobs.get(session, job_id), solutions.get(session, job_id, index)
        spec = puzzle_of(session, job)
    question, answer = (parse(spec, solution.question), parse(spec, solution.answer, padding=True))
    drawn = side_by_side(
        [svg(spec, question, givens=question), svg(spec, answer, givens=question)], ["question", "answer"]
    )
    return Response(
        drawn,
        media_type="image/svg+xml",
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


@router.get(
    "/{job_id}/events",
    operation_id="streamJobEvents",
    summary="Follow a job",
    response_model=None,
    responses={**STREAM, **refusals("request_invalid", "job_not_found", "database_unavailable")},
)
async def stream_job_events(
    job_id: str, parts: Parts, accept: Accept = "*/*", last_event_id: LastEventId = None, after: After = None
) -> Response | JobEvents:
    """Everything that happens to the job, as it happens; also what happened before, so that nothing is missed."""
    known = int(last_event_id) if last_event_id else after or 0
    first = await run_in_threadpool(read_events, parts.database, job_id, known)
    if "application/json" in accept and "text/event-stream" not in accept:
        return first
    if first.finished and not first.data:
        return Response(status_code=204)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return EventSourceResponse(
        stream_events(parts.database, parts.stopping, parts.recheck(), job_id, first, known), headers=headers
    )
