"""Problem codes: where the `type` of every error leads."""

from fastapi import APIRouter

from services.gateway.openapi import refusals
from services.gateway.problems.catalogue import CATALOGUE
from services.gateway.problems.errors import ProblemNotFound
from services.gateway.schemas.problem import ProblemDescription

router = APIRouter(prefix="/v1/problems", tags=["problems"])


@router.get("/{code}", summary="What a problem code means", responses=refusals(ProblemNotFound))
async def get_problem(code: str) -> ProblemDescription:
    """Title, HTTP status and advice of one code."""
    entry = CATALOGUE.get(code)
    if entry is None:
        raise ProblemNotFound(f"There is no problem code {code!r}. Codes: {', '.join(sorted(CATALOGUE))}.")
    return ProblemDescription(code=entry.code, title=entry.title, status=entry.status, advice=entry.advice)
