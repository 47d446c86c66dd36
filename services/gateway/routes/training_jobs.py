"""Training jobs: a preset and what to change in it becomes a run."""

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from services.gateway import dataset_lookup, submission
from services.gateway.backends import Parts
from services.gateway.openapi import refusals
from services.gateway.polling import poll_headers
from services.gateway.schemas.job import Job
from services.gateway.schemas.training_job import TrainingJobRequest
from services.registry import jobs, runs, tables
from services.registry.states import JobKind
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
    "broker_unavailable",
    "database_unavailable",
    "storage_full",
)


@router.post(
    "",
    status_code=202,
    operation_id="createTrainingJob",
    summary="Train a model",
    responses=REFUSALS,
)
def create_training_job(request: TrainingJobRequest, response: Response, parts: Parts) -> Job:
    """Resolve the preset and its overrides, store them whole as a new run, and queue the training."""
    source = dataset_lookup.training_source(parts, request.dataset or get_preset(request.preset).dataset)
    config = resolve(request.preset, source.spec, dict(request.overrides), dataset=source.name)

    def insert(session: Session) -> tables.Job:
        run = runs.create(session, config, name=request.name)
        body = {"config": config.model_dump(mode="json"), "dataset": {"name": source.name, "url": source.url}}
        return jobs.submit(
            session,
            JobKind.TRAIN,
            body,
            run_id=run.id,
            total_steps=config.train.steps,
            max_attempts=parts.settings.max_attempts,
        )

    job = Job.of(submission.submit(parts, JobKind.TRAIN, insert), attempts=())
    response.headers.update(poll_headers(job))
    return job
