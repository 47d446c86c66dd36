"""The index: links to all parts of the API."""

from fastapi import APIRouter

from services.gateway.openapi import refusals

router = APIRouter(tags=["index"])

LINKS = {
    "docs": "/docs",
    "openapi": "/openapi.json",
    "presets": "/v1/presets",
    "datasets": "/v1/datasets",
    "jobs": "/v1/jobs",
    "runs": "/v1/runs",
    "checkpoints": "/v1/checkpoints",
    "models": "/v1/models",
    "readiness": "/readyz",
    "metrics": "/metrics",
}


@router.get("/", summary="Links to everything", responses=refusals())
async def get_index() -> dict[str, dict[str, str]]:
    """Links to the entry points."""
    return {"links": LINKS}
