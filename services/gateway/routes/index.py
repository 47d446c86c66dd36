"""The front page: the console for browsers, and for programs links to all parts of the API."""

from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.responses import HTMLResponse

from services.gateway.openapi import Responses, refusals
from services.gateway.pages import console

router = APIRouter(tags=["index"])

LINKS = {
    "docs": "/docs",
    "openapi": "/openapi.json",
    "presets": "/v1/presets",
    "datasets": "/v1/datasets",
    "jobs": "/v1/jobs",
    "queue": "/v1/queue",
    "workers": "/v1/workers",
    "runs": "/v1/runs",
    "checkpoints": "/v1/checkpoints",
    "models": "/v1/models",
    "readiness": "/readyz",
    "metrics": "/metrics",
}


VARIES = {"Vary": "Accept"}
PAGE: Responses = {
    200: {
        "description": "Links; with `Accept: text/html`, the web console.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
}
Accept = Annotated[str, Header(include_in_schema=False)]


@router.get(
    "/", summary="Links to everything", response_model=dict[str, dict[str, str]], responses={**PAGE, **refusals()}
)
async def get_index(response: Response, accept: Accept = "*/*") -> Response | dict[str, dict[str, str]]:
    """Links to the entry points; the web console where HTML is asked for."""
    if "text/html" in accept:
        return HTMLResponse(console.page(), headers=console.HEADERS | VARIES | {"Cache-Control": "no-cache"})
    response.headers.update(VARIES)
    return {"links": LINKS}
