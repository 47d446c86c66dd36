"""The interface as pages, Swagger UI and Redoc, and the files of the console: all of them came with the service."""

from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Response
from fastapi.responses import HTMLResponse

from services.gateway.pages import console
from services.gateway.pages.pages import HEADERS, REDOC, SWAGGER, assets

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
    found = assets().get(name)
    if found is None:
        raise HTTPException(404)
    body, headers = found.body(accept_encoding)
    kept = {"Cache-Control": "public, max-age=86400"}
    return Response(body, media_type=found.media_type, headers=HEADERS | headers | kept)


@router.get("/console/{name}")
async def console_file(name: str, accept_encoding: AcceptEncoding = "") -> Response:
    """A file of the console; its address changes with its content."""
    found = console.files().get(name)
    if found is None:
        raise HTTPException(404)
    body, headers = found.body(accept_encoding)
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(body, media_type=found.media_type, headers=console.HEADERS | headers | kept)
