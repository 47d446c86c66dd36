"""Jobs of every kind: look at one, list, cancel, pause, resume, retry, follow."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.sse import EventSourceResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from services.gateway.backends import Backends, Parts
from services.gateway.intake.idempotency import Idempotency, IdempotencyContext, answer_once, keep_answer, respond
from services.gateway.openapi import KEYS, PAGES, Responses, refusals
from services.gateway.problems.errors import RequestInvalid
from services.gateway.schemas.event import JobEvents, StoredEvents
from services.gateway.schemas.job import Attempt, Job
from services.gateway.schemas.log import JobLog, LogLine
from services.gateway.schemas.solution import Solution
from services.gateway.views import job_view
from services.gateway.views.answers import Answer, answer, poll_headers, retry_after
from services.gateway.views.pagination import Cursor, Limit, Page
from services.gateway.views.polling import entity_tag, is_known
from services.gateway.views.puzzle_shape import puzzle_of
from services.gateway.views.search import Name, Pairs, Tags, parse_labels
from services.gateway.views.streaming import read_events, stream_events
from services.registry.access.scopes import Scope
from services.registry.db import tables
from services.registry.errors import DatabaseUnavailable, JobFinished, JobNotFound, SolutionNotFound, TransitionRefused
from services.registry.jobs import attempts, job_logs, jobs, solutions, waiting
from services.registry.states import JobKind, JobStatus
from trm.puzzles.drawing.picture import side_by_side, svg
from trm.puzzles.grids import parse

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

SCOPES = {JobKind.TRAIN: Scope.TRAIN, JobKind.SOLVE: Scope.SOLVE, JobKind.EVALUATE: Scope.SOLVE}  # to move such a job
NOT_MODIFIED: Responses = {304: {"description": "The job is still as If-None-Match says."}}
AGAIN = refusals(RequestInvalid, JobNotFound, TransitionRefused, *KEYS, DatabaseUnavailable)
STREAM: Responses = {
    200: {
        "description": "Server-sent events: `id` is the event's number, `event` its type, `data` its JSON, as in `JobEvents`. "
        "The stream ends after `done`; when the API key expires, with `closed` and a `reason`. "
        "With `Accept: application/json`, the events so far as a list.",
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
AfterLine = Annotated[int, Query(ge=0, lt=2**63, description="Only lines after the one of this number.")]
Lines = Annotated[int, Query(ge=1, le=5000, description="Maximum number of lines to return.")]
Accept = Annotated[str, Header(include_in_schema=False)]


@router.get("", summary="List jobs, newest first", responses=refusals(*PAGES))
def list_jobs(
    parts: Parts,
    cursor: Cursor = None,
    limit: Limit = 20,
    status: JobStatus | None = None,
    kind: JobKind | None = None,
    name: Name = None,
    tag: Tags = None,
    metadata: Pairs = None,
) -> Page[Job]:
    """A page of jobs, all or of one status or kind, or with these labels."""
    labels = parse_labels(name, tag, metadata)
    with parts.database.transaction() as session:
        page = jobs.page(session, parts.access, status=status, kind=kind, labels=labels, cursor=cursor, limit=limit)
        queued = [row.id for row in page.items if row.status is JobStatus.QUEUED]
        places, alone = waiting.positions(session, queued), waiting.waiting_for(session, queued)
    return Page.of(page, lambda row: Job.of(row, queue_position=places.get(row.id), waiting_for=alone.get(row.id)))


@router.get(
    "/{job_id}",
    summary="One job, with its attempts and result",
    response_model=Job,
    responses={**NOT_MODIFIED, **refusals(JobNotFound, DatabaseUnavailable)},
)
def get_job(job_id: str, response: Response, parts: Parts, if_none_match: IfNoneMatch = None) -> Job | Response:
    """State of a job. Poll with If-None-Match: an unchanged job is answered 304, without a body."""
    with parts.database.transaction() as session:
        row = jobs.get(session, parts.access, job_id)
        place = job_view.place_of(session, row)
        alone = place.waiting_for is not None
        tag = {"ETag": entity_tag(row.id, row.version, place.position, is_alone=alone), "Cache-Control": "no-cache"}
        if is_known(tag["ETag"], if_none_match):
            return Response(status_code=304, headers=tag)
        job = job_view.within(session, parts.access, row, place)
    response.headers.update(tag if job.status.is_final else tag | retry_after(job))
    return job


@router.post(
    "/{job_id}/cancel",
    status_code=202,
    summary="Cancel a job",
    responses=refusals(JobNotFound, JobFinished, DatabaseUnavailable),
)
def cancel_job(job_id: str, response: Response, parts: Parts) -> Job:
    """A queued job is cancelled at once; a running one as soon as its worker has stopped it. Repeating the request has no effect."""
    return _request_move(parts, response, lambda session: jobs.request_cancel(session, parts.access, job_id))


@router.post(
    "/{job_id}/pause",
    status_code=202,
    summary="Pause a job",
    responses=refusals(JobNotFound, JobFinished, TransitionRefused, DatabaseUnavailable),
)
def pause_job(job_id: str, response: Response, parts: Parts) -> Job:
    """A queued job is set aside at once; a running training saves a checkpoint first, and a solve job will start over.

    Repeating the request has no effect. A paused job waits until it is resumed, however long that is.
    """
    return _request_move(parts, response, lambda session: jobs.request_pause(session, parts.access, job_id))


@router.post("/{job_id}/resume", status_code=202, response_model=Job, summary="Resume a paused job", responses=AGAIN)
def resume_job(job_id: str, parts: Parts, context: Idempotency) -> Response:
    """Queue it again; a training continues from its last checkpoint. A pending pause is withdrawn."""
    return _move_once(parts, job_id, context, lambda session: jobs.resume(session, parts.access, job_id))


@router.post(
    "/{job_id}/retry", status_code=202, response_model=Job, summary="Retry a failed or cancelled job", responses=AGAIN
)
def retry_job(job_id: str, parts: Parts, context: Idempotency) -> Response:
    """The same job is queued again, with new attempts and its full timeout; a training continues from its last intact checkpoint."""
    attempts = parts.settings.max_attempts
    return _move_once(parts, job_id, context, lambda session: jobs.retry(session, parts.access, job_id, attempts))


def _request_move(parts: Backends, response: Response, move: Callable[[Session], tables.Job]) -> Job:
    """The job after a move that does no harm twice."""
    with parts.database.transaction() as session:
        job = _move_job(parts, session, move)
    response.headers.update(poll_headers(job))
    return job


def _move_once(
    parts: Backends, job_id: str, context: IdempotencyContext, move: Callable[[Session], tables.Job]
) -> Response:
    key = context.key()

    def act() -> Answer:
        with parts.database.transaction() as session:
            return keep_answer(session, key, job_id, lambda session: answer(_move_job(parts, session, move), 202))

    answered = answer_once(parts.database, key, act)
    parts.announcer.tell(parts.records.ask(jobs.get, job_id))
    return respond(answered)


def _move_job(parts: Backends, session: Session, move: Callable[[Session], tables.Job]) -> Job:
    row = move(session)
    parts.caller.require(SCOPES[row.kind])  # raised now, it takes the move back
    return job_view.within(session, parts.access, row)


@router.get(
    "/{job_id}/attempts", summary="The attempts at a job, newest first", responses=refusals(*PAGES, JobNotFound)
)
def list_job_attempts(job_id: str, parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[Attempt]:
    """A page of its executions by workers, and how each ended."""
    with parts.database.transaction() as session:
        jobs.get(session, parts.access, job_id)
        page = attempts.page(session, parts.access, job_id, cursor=cursor, limit=limit)
    return Page.of(page, Attempt.from_row)


@router.get(
    "/{job_id}/solutions",
    summary="The answers of a solve job, puzzle by puzzle",
    responses=refusals(*PAGES, JobNotFound),
)
def list_solutions(job_id: str, parts: Parts, cursor: Cursor = None, limit: Limit = 100) -> Page[Solution]:
    """A page of answers in the order of the puzzles; those of an unfinished job as far as they are known."""
    with parts.database.transaction() as session:
        job = jobs.get(session, parts.access, job_id)
        page = solutions.page(session, parts.access, job_id, cursor=cursor, limit=limit)
        spec = job_view.spec_for(session, parts.access, job, page.items)
    return Page.of(page, lambda row: Solution.of(row, spec))


@router.get(
    "/{job_id}/solutions/{index}/picture",
    summary="A picture of one answer",
    response_class=Response,
    responses={**PICTURE, **refusals(RequestInvalid, JobNotFound, SolutionNotFound, DatabaseUnavailable)},
)
def get_solution_picture(job_id: str, index: Annotated[int, Path(ge=0, lt=2**31)], parts: Parts) -> Response:
    """Question and answer side by side as SVG; cells that break rules are red."""
    with parts.database.transaction() as session:
        job = jobs.get(session, parts.access, job_id)
        solution = solutions.get(session, parts.access, job_id, index)
        spec = puzzle_of(session, parts.access, job)
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
    "/{job_id}/logs",
    summary="What a training has written",
    responses=refusals(RequestInvalid, JobNotFound, DatabaseUnavailable),
)
def list_job_lines(job_id: str, parts: Parts, after: AfterLine = 0, limit: Lines = 500) -> JobLog:
    """The lines of its trainer besides events: warnings, and why it broke down. Ask again with `after` until it is `finished`."""
    with parts.database.transaction() as session:
        # read first: the last lines come before the last status
        is_final = jobs.status_of(session, parts.access, job_id).is_final
        rows = job_logs.after(session, parts.access, job_id, after, limit)
    last = rows[-1].seq if rows else after
    return JobLog(
        data=[LogLine.from_row(row, id=row.seq) for row in rows],
        next_after=last,
        finished=is_final and len(rows) < limit,
    )


@router.get(
    "/{job_id}/events",
    summary="Follow a job",
    response_model=None,
    responses={**STREAM, **refusals(RequestInvalid, JobNotFound, DatabaseUnavailable)},
)
async def stream_job_events(
    job_id: str, parts: Parts, accept: Accept = "*/*", last_event_id: LastEventId = None, after: After = None
) -> Response | StoredEvents:
    """All events of the job, past ones first, then new ones as they happen."""
    known = int(last_event_id) if last_event_id else after or 0
    first = await run_in_threadpool(read_events, parts.records, job_id, known)
    if "application/json" in accept and "text/event-stream" not in accept:
        return first
    if first.finished and not first.data:
        return Response(status_code=204)
    events = stream_events(parts.records, parts.stopping, parts.recheck(), job_id, first, known)
    return EventSourceResponse(events, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
