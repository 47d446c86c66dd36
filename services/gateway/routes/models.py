"""Models: what can be solved with before anything was trained."""

from fastapi import APIRouter

from services.gateway.openapi import refusals
from services.gateway.problems.errors import ModelNotFound
from services.gateway.schemas.model import Model, ModelList
from trm.errors import UnknownModel
from trm.interface.pretrained import names, pretrained

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("", summary="List the models that ship", responses=refusals())
def list_models() -> ModelList:
    """Models that came with the service, with what was measured of them; what was trained here is under runs and checkpoints."""
    return ModelList(data=[Model.of(pretrained(name)) for name in names()])


@router.get("/{name}", summary="One shipped model", responses=refusals(ModelNotFound))
def get_model(name: str) -> Model:
    """A shipped model's card."""
    try:
        return Model.of(pretrained(name))
    except UnknownModel as error:
        raise ModelNotFound(str(error)) from error
