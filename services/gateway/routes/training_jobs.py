"""Training jobs: a preset and what to change in it becomes a run."""

from fastapi import APIRouter, Response

from services.gateway.backends import Backends, Parts
from services.gateway.intake.idempotency import Idempotency, respond, submit_once
from services.gateway.lookups.dataset_lookup import Source, training_source
from services.gateway.openapi import refusals
from services.gateway.problems.errors import ModelUnknown, at_fault
from services.gateway.schemas.job import Job
from services.gateway.schemas.training_job import TrainingJobRequest
from services.gateway.views.estimate import estimate
from services.registry.db.base import Json
from services.registry.jobs import jobs
from services.registry.runs import paces, runs
from services.registry.states import JobKind
from services.registry.submissions.submissions import Submission
from trm.config.overrides import fork, resolve
from trm.config.presets import get_preset
from trm.config.run import RunConfig

router = APIRouter(prefix="/v1/training-jobs", tags=["training"])

REFUSALS = refusals(
    "body_malformed",
    "body_too_large",
    "media_type_unsupported",
    "request_invalid",
    "preset_unknown",
    "override_invalid",
    "dataset_unknown",
    "model_unknown",
    "model_not_ready",
    "idempotency_key_reused",
    "idempotency_key_in_use",
    "queue_full",
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
async def create_training_job(request: TrainingJobRequest, parts: Parts, context: Idempotency) -> Response:
    """Resolve the preset and its overrides, store them whole as a new run, and queue the training."""
    key = context.key(request.model_dump_json())
    return respond(await submit_once(parts.database, parts.intake, key, lambda: _submission(request, parts)))


def _submission(request: TrainingJobRequest, parts: Backends) -> Submission:
    parts.storage.require_room()  # its checkpoints would not be stored
    config, source, parent = _beginning(request, parts)
    said = _estimate(config, source, parts)
    run = runs.new_row(config, name=request.name, parent=parent, owner=parts.caller.owner)
    job = jobs.new_row(
        JobKind.TRAIN,
        {"config": run["config"], "dataset": {"name": source.name, "url": source.url}, "weights": parent},
        run_id=run["id"],
        total_steps=config.train.steps,
        estimate=said,
        max_attempts=parts.settings.max_attempts,
        job_limits=request.job_limits,
        owner=parts.caller.owner,
    )
    return Submission(job, run)


def _estimate(config: RunConfig, source: Source, parts: Backends) -> Json:
    with parts.database.transaction() as session:
        measured, workers = paces.latest(session), paces.training_workers(session)
    return estimate(config, measured, workers, source.train_puzzles, parts.settings.warn_training_hours)


def _beginning(request: TrainingJobRequest, parts: Backends) -> tuple[RunConfig, Source, str | None]:
    """The configuration, the data set, and the checkpoint whose weights the run begins with, if any."""
    overrides = dict(request.overrides)
    if request.preset is not None:
        with at_fault("preset"):
            preset = get_preset(request.preset)
        with at_fault("dataset" if request.dataset else "preset"):
            source = training_source(parts.database, request.dataset or preset.dataset)
        with at_fault("overrides"):
            return resolve(request.preset, source.spec, overrides, dataset=source.name), source, None
    with at_fault("from_checkpoint"):
        model = parts.find_model(request.from_checkpoint or "")
        if model.checkpoint_id is None:
            raise ModelUnknown(
                f"{request.from_checkpoint!r} ships with the service: only a checkpoint of a run can be trained on."
            )
    with at_fault("dataset" if request.dataset else "from_checkpoint"):
        source = training_source(parts.database, request.dataset or model.config.dataset)
    with at_fault("overrides"):
        return fork(model.config, overrides, source.spec, source.name), source, model.checkpoint_id
