"""The yardstick for submitting: a FastAPI service as most are written, which validates a request and calls Celery's `delay`.

It stores nothing: no row, no status, no idempotence. Losing the broker's memory loses its jobs.
"""

import os

from celery import Celery
from fastapi import FastAPI
from pydantic import BaseModel

celery = Celery("bare", broker=os.environ.get("BARE_BROKER_URL"))
app = FastAPI(title="Bare")


class SolveRequest(BaseModel):
    """A puzzle and the model to solve it with."""

    model: str
    puzzle: str


class TrainingRequest(BaseModel):
    """A recipe and what to change in it."""

    preset: str
    overrides: dict[str, str | int | float | bool | None] = {}


class Accepted(BaseModel):
    """Where to ask for the result."""

    id: str
    status: str


@celery.task(ignore_result=True)  # type: ignore[untyped-decorator]
def solve(model: str, puzzle: str) -> None:
    """What a worker would do."""


@celery.task(ignore_result=True)  # type: ignore[untyped-decorator]
def train(preset: str, overrides: dict[str, object]) -> None:
    """What a worker would do."""


@app.post("/v1/solve-jobs", status_code=202)
def create_solve_job(request: SolveRequest) -> Accepted:
    """Queue a puzzle."""
    return Accepted(id=solve.delay(request.model, request.puzzle).id, status="queued")


@app.post("/v1/training-jobs", status_code=202)
def create_training_job(request: TrainingRequest) -> Accepted:
    """Queue a training."""
    return Accepted(id=train.delay(request.preset, request.overrides).id, status="queued")
