"""The interface as pages, Swagger UI and Redoc, and the files of the console: all of them came with the service."""

from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Response
from fastapi.responses import HTMLResponse

from services.gateway.pages import console
from services.gateway.pages.pages import HEADERS, REDOC, SWAGGER, Asset, assets

router = APIRouter(include_in_schema=False)
AcceptEncoding = Annotated[str, Header()]


@router.get("/docs")
async def swagger() -> HTMLResponse:
    """Swagger UI: read the interface, and try it."""
    return HTMLResponse(SWAGGER, headers=HEADERS)


@router.get("/redoc")
async def redoc() -> HTMLResponse:
    """Redoc: read it."""
    return HTMLResponse(REDOC, headers=HEADERS)


@router.get("/docs/{name}")
async def asset(name: str, accept_encoding: AcceptEncoding = "") -> Response:
    """A file of one of the pages."""
    return _send(assets().get(name), accept_encoding, HEADERS, "public, max-age=86400")


@router.get("/console/{name}")
async def console_file(name: str, accept_encoding: AcceptEncoding = "") -> Response:
    """A file of the console; its address changes with its content."""
    return _send(console.files().get(name), accept_encoding, console.HEADERS, "public, max-age=31536000, immutable")


def _send(found: Asset | None, accept_encoding: str, rules: dict[str, str], kept: str) -> Response:
    if found is None:
        raise HTTPException(404)
    body, headers = found.body(accept_encoding)
    return Response(body, media_type=found.media_type, headers=rules | headers | {"Cache-Control": kept})
