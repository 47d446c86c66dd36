"""Training jobs: a preset and what to change in it becomes a run."""

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from services.gateway import dataset_lookup
from services.gateway.backends import Backends, Parts
from services.gateway.openapi import refusals
from services.gateway.polling import answer
from services.gateway.schemas.job import Job
from services.gateway.schemas.training_job import TrainingJobRequest
from services.registry import jobs, runs
from services.registry.states import JobKind
from services.registry.submissions import Submission
from trm.presets import get_preset, resolve

router = APIRouter(prefix="/v1/training-jobs", tags=["training"])

REFUSALS = refusals(
    "body_malformed",
    "body_too_large",
    "media_type_unsupported",
    "request_invalid",
    "preset_unknown",
    "override_invalid",
    "dataset_unknown",
    "database_unavailable",
    "storage_full",
)


@router.post(
    "",
    status_code=202,
    response_model=Job,
    operation_id="createTrainingJob",
    summary="Train a model",
    responses=REFUSALS,
)
async def create_training_job(request: TrainingJobRequest, parts: Parts) -> Response:
    """Resolve the preset and its overrides, store them whole as a new run, and queue the training."""
    submission = await run_in_threadpool(_submission, request, parts)
    return answer(Job.of(await parts.intake.submit(submission), attempts=()), 202)


def _submission(request: TrainingJobRequest, parts: Backends) -> Submission:
    source = dataset_lookup.training_source(parts, request.dataset or get_preset(request.preset).dataset)
    config = resolve(request.preset, source.spec, dict(request.overrides), dataset=source.name)
    run = runs.new_row(config, name=request.name)
    job = jobs.new_row(
        JobKind.TRAIN,
        {"config": run["config"], "dataset": {"name": source.name, "url": source.url}},
        run_id=run["id"],
        total_steps=config.train.steps,
        max_attempts=parts.settings.max_attempts,
    )
    return Submission(job, run)
