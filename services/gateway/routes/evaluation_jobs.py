"""Evaluation jobs: a model, and puzzles with known answers to examine it on."""

from fastapi import APIRouter, Response

from services.gateway.backends import Backends, Parts
from services.gateway.intake.idempotency import Idempotency, respond, submit_once
from services.gateway.lookups.dataset_lookup import Source, find_source
from services.gateway.lookups.model_lookup import Model, find_model
from services.gateway.openapi import JSON_BODY, MODEL, QUEUED, refusals
from services.gateway.problems.errors import RequestInvalid, at_fault
from services.gateway.schemas.evaluation_job import EvaluationJobRequest
from services.gateway.schemas.job import Job
from services.registry.states import JobKind
from services.registry.submissions.submissions import Submission
from trm.errors import ConfigError, UnknownDataset

router = APIRouter(prefix="/v1/evaluation-jobs", tags=["evaluating"])

REFUSALS = refusals(*JSON_BODY, ConfigError, UnknownDataset, *MODEL, *QUEUED)


@router.post("", status_code=202, response_model=Job, summary="Examine a model", responses=REFUSALS)
async def create_evaluation_job(request: EvaluationJobRequest, parts: Parts, context: Idempotency) -> Response:
    """Answer puzzles whose answers are known: accuracy after every supervision step and against the compute, how far the halting
    head can be trusted, and which puzzles are hard, all with 95 % intervals. Solve workers do it, beside solve jobs.
    """
    key = context.key(request.model_dump_json())
    return respond(await submit_once(parts.database, parts.intake, key, lambda: _make_submission(request, parts)))


def _make_submission(request: EvaluationJobRequest, parts: Backends) -> Submission:
    with at_fault("model"):
        model = find_model(parts.records, request.model)
    with at_fault("dataset" if request.dataset else "model"):
        source = find_source(parts.records, request.dataset or model.config.dataset)
    puzzles = _require_possible(request, model, source)
    asked = {
        "model": model.name,
        "dataset": {"name": source.name, "url": source.url},
        "split": request.split,
        "limit": request.limit,
        "effort": request.effort.model_dump(exclude_defaults=True),
    }
    return Submission(
        request.new_row(
            JobKind.EVALUATE,
            asked,
            model_id=model.checkpoint_id,
            pretrained=model.pretrained,
            total_steps=min(puzzles, request.limit),
            max_attempts=parts.settings.max_attempts,
            owner=parts.caller.owner,
        )
    )


def _require_possible(request: EvaluationJobRequest, model: Model, source: Source) -> int:
    """How many puzzles the split has; raises RequestInvalid or ConfigError."""
    spec, size = source.spec, source.splits.get(request.split)
    if spec.kind == "arc":
        raise RequestInvalid("ARC tasks are answered by votes over many variants: use `python -m trm arc`.", "dataset")
    if size is None:
        has = ", ".join(source.splits)
        raise RequestInvalid(f"{source.name} has no split {request.split!r}; it has {has}.", "split")
    if not model.config.answers(spec):
        shape = f"{spec.rows}x{spec.cols} puzzles of kind {spec.kind}"
        raise RequestInvalid(f"{request.model} cannot answer {shape}.", "dataset")
    request.effort.require_possible(spec, model.config.model)
    return size
