"""Runs: trainings with their curves, evaluations and checkpoints."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.gateway.backends import Parts
from services.gateway.openapi import refusals
from services.gateway.schemas.checkpoint import Checkpoint
from services.gateway.schemas.run import Run, RunEvaluation, RunEvaluations, RunMetric, RunMetrics, RunSummary
from services.gateway.views.pagination import Cursor, Limit, Page
from services.registry.runs import checkpoints, evaluations, run_metrics, runs

router = APIRouter(prefix="/v1/runs", tags=["runs"])

LISTS = refusals("request_invalid", "cursor_invalid", "database_unavailable")
OF_ONE = refusals("request_invalid", "run_not_found", "database_unavailable")
AfterStep = Annotated[int, Query(ge=0, lt=2**63, description="Only steps after this one.")]
Rows = Annotated[int, Query(ge=1, le=5000, description="Maximum number of rows to return.")]
Every = Annotated[int, Query(ge=1, lt=2**31, description="Thin the curve: the last row of every N steps.")]


@router.get("", operation_id="listRuns", summary="List runs, newest first", responses=LISTS)
def list_runs(parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[RunSummary]:
    """A page of runs."""
    with parts.database.transaction() as session:
        page = runs.page(session, cursor=cursor, limit=limit)
    return Page.of(page, RunSummary.of)


@router.get(
    "/{run_id}", operation_id="getRun", summary="One run", responses=refusals("run_not_found", "database_unavailable")
)
def get_run(run_id: str, parts: Parts) -> Run:
    """A run with its whole configuration."""
    with parts.database.transaction() as session:
        return Run.of(runs.get(session, run_id))


@router.get("/{run_id}/metrics", operation_id="listRunMetrics", summary="The curve of a run", responses=OF_ONE)
def list_run_metrics(
    run_id: str, parts: Parts, after_step: AfterStep = 0, limit: Rows = 1000, every: Every = 1
) -> RunMetrics:
    """One row for each logged step, in order: losses, accuracies, and what happened at each supervision step."""
    with parts.database.transaction() as session:
        runs.get(session, run_id)
        rows = run_metrics.read(session, run_id, after_step=after_step, limit=limit, every=every)
    next_after = rows[-1].step if len(rows) == limit else None
    return RunMetrics(data=[RunMetric.model_validate(row) for row in rows], next_after_step=next_after)


@router.get(
    "/{run_id}/evaluations",
    operation_id="listRunEvaluations",
    summary="The evaluations of a run",
    responses=refusals("run_not_found", "database_unavailable"),
)
def list_run_evaluations(run_id: str, parts: Parts) -> RunEvaluations:
    """How well held-out puzzles were solved, each time that was measured."""
    with parts.database.transaction() as session:
        runs.get(session, run_id)
        rows = evaluations.read(session, run_id)
    return RunEvaluations(data=[RunEvaluation.model_validate(row) for row in rows])


@router.get(
    "/{run_id}/checkpoints",
    operation_id="listRunCheckpoints",
    summary="The checkpoints of a run, newest first",
    responses=refusals("request_invalid", "cursor_invalid", "run_not_found", "database_unavailable"),
)
def list_run_checkpoints(run_id: str, parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[Checkpoint]:
    """A page of the run's saved states."""
    with parts.database.transaction() as session:
        runs.get(session, run_id)
        page = checkpoints.page(session, run_id=run_id, cursor=cursor, limit=limit)
    return Page.of(page, Checkpoint.of)
