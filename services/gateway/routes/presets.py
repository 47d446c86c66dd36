"""Presets: what trainings can start from."""

from fastapi import APIRouter

from services.gateway.openapi import refusals
from services.gateway.problems.errors import PresetNotFound
from services.gateway.schemas.preset import PresetDetail, PresetList, PresetSummary
from trm.config import presets
from trm.errors import UnknownPreset
from trm.puzzles.datasets.datasets import spec_of

router = APIRouter(prefix="/v1/presets", tags=["presets"])


@router.get("", summary="List the presets", responses=refusals())
def list_presets() -> PresetList:
    """All presets with their summaries: they come with the code and are few, so that they are not in pages."""
    return PresetList(data=[PresetSummary.from_row(preset) for preset in presets.PRESETS.values()])


@router.get("/{name}", summary="A preset with all its settings", responses=refusals(PresetNotFound))
def get_preset(name: str) -> PresetDetail:
    """Every setting that a training job can override, with the value it has here."""
    try:
        preset = presets.get_preset(name)
    except UnknownPreset as error:
        raise PresetNotFound(str(error)) from error
    return PresetDetail.from_row(preset, puzzle=spec_of(preset.dataset))
