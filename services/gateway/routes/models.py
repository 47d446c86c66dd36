"""Models: those that ship, and names for checkpoints."""

from fastapi import APIRouter

from services.gateway.backends import Parts
from services.gateway.openapi import refusals
from services.gateway.problems.errors import ModelNameTaken, ModelUnknown, at_fault
from services.gateway.schemas.model import Model, ModelList, ModelVersion, Promotion
from services.gateway.views.pagination import Cursor, Limit, Page
from services.registry.runs import models
from trm.interface.pretrained import names, pretrained

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("", operation_id="listModels", summary="List the models", responses=refusals("database_unavailable"))
def list_models(parts: Parts) -> ModelList:
    """Models that came with the service, with what was measured of them, and your names for checkpoints."""
    with parts.database.transaction() as session:
        promoted = [ModelVersion.of(row) for row in models.current(session)]
    return ModelList(data=[Model.of(pretrained(name)) for name in names()], promoted=promoted)


@router.get(
    "/{name}",
    operation_id="getModel",
    summary="One model",
    responses=refusals("model_not_found", "database_unavailable"),
)
def get_model(name: str, parts: Parts) -> Model | ModelVersion:
    """A shipped model's card, or the checkpoint that a name points at."""
    if name in names():
        return Model.of(pretrained(name))
    with parts.database.transaction() as session:
        return ModelVersion.of(models.get(session, name))


@router.post(
    "",
    operation_id="promoteCheckpoint",
    summary="Point a name at a checkpoint",
    responses=refusals(
        "body_malformed",
        "body_too_large",
        "media_type_unsupported",
        "request_invalid",
        "model_unknown",
        "model_not_ready",
        "model_name_taken",
        "checkpoint_not_found",
        "database_unavailable",
    ),
)
def promote_checkpoint(request: Promotion, parts: Parts) -> ModelVersion:
    """From now on jobs that name it as `model` use this checkpoint, which is kept. Point it at an earlier one to go back."""
    if request.name in names():
        raise ModelNameTaken(f"{request.name!r} ships with the service. Choose another name.")
    with at_fault("checkpoint"):
        checkpoint_id = parts.find_model(request.checkpoint).checkpoint_id
        if checkpoint_id is None:
            raise ModelUnknown(f"{request.checkpoint!r} ships with the service: it has a name already.")
    with parts.database.transaction() as session:
        return ModelVersion.of(models.promote(session, request.name, checkpoint_id))


@router.get(
    "/{name}/versions",
    operation_id="listModelVersions",
    summary="What a name has pointed at, newest first",
    responses=refusals("request_invalid", "cursor_invalid", "model_not_found", "database_unavailable"),
)
def list_model_versions(name: str, parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[ModelVersion]:
    """A page of the name's history."""
    with parts.database.transaction() as session:
        page = models.history(session, name, cursor=cursor, limit=limit)
    return Page.of(page, ModelVersion.of)


@router.delete(
    "/{name}",
    status_code=204,
    operation_id="deleteModel",
    summary="Forget a name",
    responses=refusals("model_not_found", "database_unavailable"),
)
def delete_model(name: str, parts: Parts) -> None:
    """The name and its history; the checkpoints stay as long as others of their run."""
    with parts.database.transaction() as session:
        models.remove(session, name)
