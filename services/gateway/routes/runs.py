"""Runs: trainings with their curves, evaluations and checkpoints."""

import io
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request, Response

from services.gateway.backends import Parts
from services.gateway.openapi import PAGES, Responses, refusals
from services.gateway.problems.errors import RequestInvalid
from services.gateway.schemas.checkpoint import Checkpoint
from services.gateway.schemas.run import Run, RunEvaluation, RunMetric, RunMetrics, RunSummary
from services.gateway.views.pagination import Cursor, Limit, Page
from services.gateway.views.search import Name, Pairs, Tags, parse_labels
from services.registry.errors import DatabaseUnavailable, RunNotFound
from services.registry.runs import checkpoints, evaluations, run_metrics, runs
from trm.interface.tables import write_csv

router = APIRouter(prefix="/v1/runs", tags=["runs"])

LISTS = refusals(*PAGES)
OF_ONE = refusals(RequestInvalid, RunNotFound, DatabaseUnavailable)
AfterStep = Annotated[int, Query(ge=0, lt=2**63, description="Only steps after this one.")]
Rows = Annotated[int, Query(ge=1, le=5000, description="Maximum number of rows to return.")]
Order = Annotated[Literal["oldest", "newest"], Query(description="Which evaluations come first.")]
Every = Annotated[int, Query(ge=1, lt=2**31, description="Thin the curve: the last row of every N steps.")]
MaxPoints = Annotated[
    int | None,
    Query(
        ge=10,
        le=5000,
        description="The whole curve after `after_step` in at most so many rows, whatever `limit` says: both ends and, of equal parts, "
        "where loss and exact accuracy were least and greatest.",
    ),
]


CSV = "text/csv"
AS_CSV: Responses = {
    200: {
        "content": {CSV: {"schema": {"type": "string"}}},
        "headers": {
            "Link": {
                "description": 'Of a CSV that is not all: `<...>; rel="next"`, where the next rows are.',
                "schema": {"type": "string"},
            }
        },
    }
}
Accept = Annotated[str, Header(include_in_schema=False)]  # OpenAPI has it from the media types of the responses


@router.get("", summary="List runs, newest first", responses=LISTS)
def list_runs(
    parts: Parts, cursor: Cursor = None, limit: Limit = 20, name: Name = None, tag: Tags = None, metadata: Pairs = None
) -> Page[RunSummary]:
    """A page of runs, all or with these labels."""
    labels = parse_labels(name, tag, metadata)
    return Page.of(parts.records.ask(runs.page, labels=labels, cursor=cursor, limit=limit), RunSummary.of)


@router.get("/{run_id}", summary="One run", responses=refusals(RunNotFound, DatabaseUnavailable))
def get_run(run_id: str, parts: Parts) -> Run:
    """A run with its whole configuration."""
    return Run.of(parts.records.ask(runs.get, run_id))


@router.get(
    "/{run_id}/metrics", summary="The curve of a run", response_model=RunMetrics, responses={**AS_CSV, **OF_ONE}
)
def list_run_metrics(
    run_id: str,
    parts: Parts,
    request: Request,
    after_step: AfterStep = 0,
    limit: Rows = 1000,
    every: Every = 1,
    max_points: MaxPoints = None,
    accept: Accept = "application/json",
) -> RunMetrics | Response:
    """One row for each logged step, in order: losses, accuracies, and what happened at each supervision step.

    With `Accept: text/csv` as a table, with a column for each number.
    """
    with parts.database.transaction() as session:
        runs.get(session, parts.access, run_id)
        if max_points is not None:
            if every != 1:
                raise RequestInvalid("`max_points` thins the curve out itself: leave out `every`.", "every")
            rows = run_metrics.read_shape(session, parts.access, run_id, after_step=after_step, most=max_points)
        else:
            rows = run_metrics.read(session, parts.access, run_id, after_step=after_step, limit=limit, every=every)
    next_after = rows[-1].step if max_points is None and len(rows) == limit else None
    metrics = RunMetrics(data=[RunMetric.from_row(row) for row in rows], next_after_step=next_after)
    return _as_csv(metrics, request) if CSV in accept else metrics


def _as_csv(metrics: RunMetrics, request: Request) -> Response:
    table, headers = io.StringIO(newline=""), {}
    write_csv(table, (row.model_dump() for row in metrics.data))
    if metrics.next_after_step is not None:
        following = request.url.include_query_params(after_step=metrics.next_after_step)
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return Response(table.getvalue(), media_type=CSV, headers=headers | {"Vary": "Accept"})


@router.get("/{run_id}/evaluations", summary="The evaluations of a run", responses=refusals(*PAGES, RunNotFound))
def list_run_evaluations(
    run_id: str, parts: Parts, cursor: Cursor = None, limit: Limit = 100, order: Order = "oldest"
) -> Page[RunEvaluation]:
    """A page of accuracies on held-out puzzles, one entry for each evaluation."""
    with parts.database.transaction() as session:
        runs.get(session, parts.access, run_id)
        is_newest = order == "newest"
        page = evaluations.page(session, parts.access, run_id, cursor=cursor, limit=limit, newest_first=is_newest)
    return Page.of(page, RunEvaluation.from_row)


@router.get(
    "/{run_id}/checkpoints", summary="The checkpoints of a run, newest first", responses=refusals(*PAGES, RunNotFound)
)
def list_run_checkpoints(run_id: str, parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[Checkpoint]:
    """A page of the run's saved states."""
    with parts.database.transaction() as session:
        runs.get(session, parts.access, run_id)
        page = checkpoints.page(session, parts.access, run_id=run_id, cursor=cursor, limit=limit)
    return Page.of(page, Checkpoint.of)
