"""Models: those that ship, and names for checkpoints."""

from fastapi import APIRouter

from services.gateway.backends import Parts
from services.gateway.lookups.model_lookup import find_model
from services.gateway.openapi import JSON_BODY, MODEL, PAGES, refusals
from services.gateway.problems.errors import ModelNameTaken, at_fault
from services.gateway.schemas.model import Model, ModelList, ModelVersion, Promotion
from services.gateway.views.pagination import Cursor, Limit, Page
from services.registry.errors import DatabaseUnavailable, ModelNotFound
from services.registry.runs import models
from trm.errors import CheckpointNotFound, UnknownModel
from trm.interface.pretrained import names, pretrained

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("", summary="List the models", responses=refusals(*PAGES))
def list_models(parts: Parts, cursor: Cursor = None, limit: Limit = 100) -> ModelList:
    """Models that came with the service, with what was measured of them, on the first page; and a page of your names for checkpoints."""
    page = Page.of(parts.records.ask(models.current, cursor=cursor, limit=limit), ModelVersion.of)
    shipped = [] if cursor else [Model.of(pretrained(name)) for name in names()]
    return ModelList(data=shipped, promoted=page.data, next_cursor=page.next_cursor, has_more=page.has_more)


@router.get("/{name}", summary="One model", responses=refusals(ModelNotFound, DatabaseUnavailable))
def get_model(name: str, parts: Parts) -> Model | ModelVersion:
    """A shipped model's card, or the checkpoint that a name points at."""
    if name in names():
        return Model.of(pretrained(name))
    return ModelVersion.of(parts.records.ask(models.get, name))


@router.post(
    "",
    summary="Point a name at a checkpoint",
    responses=refusals(*JSON_BODY, *MODEL, ModelNameTaken, CheckpointNotFound, DatabaseUnavailable),
)
def promote_checkpoint(request: Promotion, parts: Parts) -> ModelVersion:
    """From now on jobs that name it as `model` use this checkpoint, which is kept. Point it at an earlier one to go back."""
    if request.name in names():
        raise ModelNameTaken(f"{request.name!r} ships with the service. Choose another name.", "name")
    with at_fault("checkpoint"):
        checkpoint_id = find_model(parts.records, request.checkpoint).checkpoint_id
        if checkpoint_id is None:
            raise UnknownModel(f"{request.checkpoint!r} ships with the service: it has a name already.")
    return ModelVersion.of(parts.records.ask(models.promote, request.name, checkpoint_id))


@router.get(
    "/{name}/versions", summary="What a name has pointed at, newest first", responses=refusals(*PAGES, ModelNotFound)
)
def list_model_versions(name: str, parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[ModelVersion]:
    """A page of the name's history."""
    return Page.of(parts.records.ask(models.history, name, cursor=cursor, limit=limit), ModelVersion.of)


@router.delete(
    "/{name}", status_code=204, summary="Forget a name", responses=refusals(ModelNotFound, DatabaseUnavailable)
)
def delete_model(name: str, parts: Parts) -> None:
    """The name and its history; the checkpoints stay as long as others of their run."""
    parts.records.ask(models.remove, name)
