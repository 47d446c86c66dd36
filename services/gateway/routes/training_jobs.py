"""Training jobs: a preset and what to change in it becomes a run."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from services.gateway.backends import Backends, Parts
from services.gateway.intake.idempotency import Idempotency, respond, submit_once
from services.gateway.lookups.dataset_lookup import Source, find_source
from services.gateway.lookups.model_lookup import find_model
from services.gateway.openapi import JSON_BODY, MODEL, QUEUED, refusals
from services.gateway.problems.errors import RequestInvalid, at_fault
from services.gateway.schemas.job import Estimate, Job
from services.gateway.schemas.training_job import TrainingJobRequest, TrainingPlan
from services.gateway.views.estimate import estimate
from services.registry.runs import runs
from services.registry.states import JobKind
from services.registry.submissions.submissions import Submission
from trm.config.cost import hardware
from trm.config.overrides import fork, resolve
from trm.config.presets import get_preset
from trm.config.run import RunConfig
from trm.errors import InvalidOverride, UnknownDataset, UnknownModel, UnknownPreset

router = APIRouter(prefix="/v1/training-jobs", tags=["training"])

REFUSALS = refusals(*JSON_BODY, UnknownPreset, InvalidOverride, UnknownDataset, *MODEL, *QUEUED)
PLANNED = {"description": "Checked only, as `dry_run=true` asks.", "model": TrainingPlan}
DryRun = Annotated[bool, Query(description="Check it and say what it would be, and store or queue nothing.")]


@router.post("", status_code=202, response_model=Job, summary="Train a model", responses={200: PLANNED, **REFUSALS})
async def create_training_job(
    request: TrainingJobRequest, parts: Parts, context: Idempotency, http: Request, dry_run: DryRun = False
) -> Response:
    """Resolve the preset and its overrides, store them whole as a new run, and queue the training.

    With `dry_run=true` it is only checked, and answered with the resolved configuration, the estimate and its warnings.
    """
    if dry_run:
        http.state.audited = False  # it changes nothing, and forms ask for one at every pause in typing
        plan, _ = await run_in_threadpool(_plan, request, parts)
        return Response(plan.model_dump_json(), media_type="application/json")
    key = context.key(request.model_dump_json())
    return respond(await submit_once(parts.database, parts.intake, key, lambda: _make_submission(request, parts)))


def _plan(request: TrainingJobRequest, parts: Backends) -> tuple[TrainingPlan, Source]:
    parts.storage.require_room()  # its checkpoints would not be stored
    config, source, parent = _resolve_beginning(request, parts)
    _require_shareable(request, config)
    plan = TrainingPlan(
        config=config,
        parent_checkpoint_id=parent,
        train_puzzles=source.train_puzzles,
        estimate=_estimate(request, config, source, parts),
        hardware=hardware(config.model, config.train, config.puzzle),
    )
    return plan, source


def _make_submission(request: TrainingJobRequest, parts: Backends) -> Submission:
    plan, source = _plan(request, parts)
    config, parent = plan.config, plan.parent_checkpoint_id
    run = runs.new_row(config, labels=request.labels, parent=parent, owner=parts.caller.owner)
    job = request.new_row(
        JobKind.TRAIN,
        {
            "config": run["config"],
            "dataset": {"name": source.name, "url": source.url},
            "weights": parent,
            "devices": request.devices,
        },
        run_id=run["id"],
        total_steps=config.train.steps,
        estimate=plan.estimate.model_dump(),
        max_attempts=parts.settings.max_attempts,
        owner=parts.caller.owner,
    )
    return Submission(job, run)


def _require_shareable(request: TrainingJobRequest, config: RunConfig) -> None:
    """Every device trains as many slots; raises RequestInvalid."""
    slots = config.train.batch_size
    for field in ("devices", "min_devices"):
        if slots % (count := getattr(request, field) or 1):
            raise RequestInvalid(
                f"{count} devices cannot share {slots} slots: change {field} or train.batch_size.", field
            )


def _estimate(request: TrainingJobRequest, config: RunConfig, source: Source, parts: Backends) -> Estimate:
    measured, workers = parts.paces.find(parts.access, request.requirements)
    return estimate(config, measured, workers, source.train_puzzles, parts.settings.warn_training_hours)


def _resolve_beginning(request: TrainingJobRequest, parts: Backends) -> tuple[RunConfig, Source, str | None]:
    """The configuration, the data set, and the checkpoint whose weights the run begins with, if any."""
    overrides = dict(request.overrides)
    if request.preset is not None:
        with at_fault("preset"):
            preset = get_preset(request.preset)
        with at_fault("dataset" if request.dataset else "preset"):
            source = find_source(parts.records, request.dataset or preset.dataset)
        with at_fault("overrides"):
            return resolve(request.preset, source.spec, overrides, dataset=source.name), source, None
    with at_fault("from_checkpoint"):
        model = find_model(parts.records, request.from_checkpoint or "")
        if model.checkpoint_id is None:
            raise UnknownModel(
                f"{request.from_checkpoint!r} ships with the service: only a checkpoint of a run can be trained on."
            )
    with at_fault("dataset" if request.dataset else "from_checkpoint"):
        source = find_source(parts.records, request.dataset or model.config.dataset)
    with at_fault("overrides"):
        return fork(model.config, overrides, source.spec, source.name), source, model.checkpoint_id
